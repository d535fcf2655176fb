/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card's end of the link to a reader or modem: the protocol of vpcd. The other end listens, the card
 * connects, again and again while it is inserted.
 */
#pragma once

#include "lab/card/euicc.h"

typedef struct Link Link;

/* address: unix:PATH or tcp:HOST:PORT. *euicc is looked at for every frame: it may be exchanged while the
 * link is pulled. Errors: InvalidArgument. */
Link *link_new(const char *address, Euicc **euicc, GError **error) SGP32_CHECK;
void link_free(Link *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Link, link_free)

void link_insert(Link *link);
void link_pull(Link *link);
bool link_inserted(const Link *link);
bool link_connected(const Link *link);
/* Every answer waits so long, in milliseconds. */
void link_delay(Link *link, unsigned delay);
/* Nothing is answered any more, until it is switched off or the reader resets the card. */
void link_hang(Link *link, bool hang);
