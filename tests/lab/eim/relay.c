/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/eim/eim.h"

struct Relay {
	LabServer *server;
};

Relay *relay_new(LabServer *server, char **resolve, GError **error)
{
	Relay *relay = g_new0(Relay, 1);

	relay->server = server;
	return relay;
}

void relay_free(Relay *relay)
{
	g_free(relay);
}

static void refuse(HttpsRequest *request, const Tlv *message, uint32_t tag)
{
	GByteArray *content = g_byte_array_new(), *out = g_byte_array_new();

	der_put_integer(content, tag, 127);
	der_put_wrapped(out, message->tag, content);
	esipa_reply(request, out, NULL);
}

void relay_initiate_authentication(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	refuse(request, message, 0x81);
}

void relay_authenticate_client(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	refuse(request, message, 0x82);
}

void relay_get_bound_profile_package(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	refuse(request, message, 0x81);
}

void relay_cancel_session(
	LabServer *server, HttpsRequest *request, const Tlv *message, const Fault *fault)
{
	refuse(request, message, 0x81);
}

void relay_notification(LabServer *server, HttpsRequest *request, Span pending, const Fault *fault)
{
	esipa_reply_empty(request, 204, fault);
}
