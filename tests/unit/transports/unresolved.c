/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plugin that needs a function nobody has. */
#include "card/transport.h"

void *nobody_has_this(void);

extern const TransportPlugin sgp32_transport;
const TransportPlugin sgp32_transport = {
	.abi = TRANSPORT_ABI,
	.size = sizeof(TransportPlugin),
	.name = "unresolved",
	.watch = (void *)nobody_has_this,
};
