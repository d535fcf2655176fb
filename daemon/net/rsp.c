/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/rsp.h"

void rsp_event_free(RspEvent *event)
{
	if (!event)
		return;
	wipe_free(event->event_id);
	g_free(event->rsp_server_address);
	g_free(event);
}

void rsp_initiated_clear(RspInitiated *initiated)
{
	g_clear_pointer(&initiated->transaction_id, g_bytes_unref);
	g_clear_pointer(&initiated->server_signed1, g_bytes_unref);
	g_clear_pointer(&initiated->server_signature1, g_bytes_unref);
	g_clear_pointer(&initiated->euicc_ci_pk_id_to_be_used, g_bytes_unref);
	g_clear_pointer(&initiated->server_certificate, g_bytes_unref);
	g_clear_pointer(&initiated->matching_id, wipe_free);
	g_clear_pointer(&initiated->ctx_params1, wipe_bytes_unref);
}

void rsp_authenticated_clear(RspAuthenticated *authenticated)
{
	g_clear_pointer(&authenticated->profile_metadata, g_bytes_unref);
	g_clear_pointer(&authenticated->smdp_signed2, g_bytes_unref);
	g_clear_pointer(&authenticated->smdp_signature2, g_bytes_unref);
	g_clear_pointer(&authenticated->smdp_certificate, g_bytes_unref);
	g_clear_pointer(&authenticated->hash_cc, wipe_bytes_unref);
	g_clear_pointer(&authenticated->events, g_ptr_array_unref);
	g_clear_pointer(&authenticated->download_trigger, wipe_bytes_unref);
}
