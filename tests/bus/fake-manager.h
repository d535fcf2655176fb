/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A manager without cards: the functions of daemon/manager.h that the service calls, over a model
 * that a test changes by lines of text.
 */
#pragma once

#include "manager.h"

Manager *fake_manager_new(sd_event *event);
/* Carries one line out. What it answers is one line, too: "ok", "ok VALUE" or "error TEXT". */
char *fake_manager_control(Manager *manager, const char *line);
