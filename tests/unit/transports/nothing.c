/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A module that is no plugin. */
extern const int something_else;
const int something_else = 1;
