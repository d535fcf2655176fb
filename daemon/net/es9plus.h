/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ES9+ (and ES11, the same functions at an SM-DS) as JSON over HTTPS, SGP.22 6.5. Activation codes:
 * asn1/activation-code.h.
 *
 * Errors beside those of http.h: ServerRefused with subject and reason code in the details, or the name
 * the API has for them (ConfirmationCodeRequired, ConfirmationCodeWrong, NoMemory);
 * ServerMalformed for an answer that is not what SGP.22 says.
 */
#pragma once

#include "net/http.h"
#include "net/rsp.h"

#define ES9PLUS_USER_AGENT "gsma-rsp-lpad"

typedef struct Es9plusPeer {
	const char *address; /* SM-DP+ or SM-DS, "host" or "host:port" */
	Trust *trust;
	HttpRoute route; /* its strings must outlive the Es9plus */
	HttpLimits
		limits; /* body_max is that of the bound profile package; default HTTP_BODY_MAX_BPP */
	const char *user_agent; /* NULL: ES9PLUS_USER_AGENT */
	int64_t now; /* as in HttpRequest */
} Es9plusPeer;

typedef struct Es9plus Es9plus;

/* http must outlive it. Errors: InvalidArgument if the address is none. */
Es9plus *es9plus_new(const Es9plusPeer *peer, Http *http, GError **error) SGP32_CHECK;
void es9plus_free(Es9plus *es9plus);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Es9plus, es9plus_free)
/* As given: what goes into smdpAddress. */
const char *es9plus_address(const Es9plus *es9plus);

/* challenge: 16 octets; euicc_info1: BF20. */
bool es9plus_initiate_authentication(Es9plus *es9plus, Span euicc_challenge, Span euicc_info1,
	PostCancel *cancel, RspInitiated *ret, GError **error) SGP32_CHECK;
/* authenticate_server_response: BF38. */
bool es9plus_authenticate_client(Es9plus *es9plus, Span transaction_id,
	Span authenticate_server_response, PostCancel *cancel, RspAuthenticated *ret,
	GError **error) SGP32_CHECK;
/* prepare_download_response: BF21. The answer is BF36. */
GBytes *es9plus_get_bound_profile_package(Es9plus *es9plus, Span transaction_id,
	Span prepare_download_response, PostCancel *cancel, GError **error) SGP32_CHECK;
/* pending_notification: BF37 or 30. */
bool es9plus_handle_notification(Es9plus *es9plus, Span pending_notification, PostCancel *cancel,
	GError **error) SGP32_CHECK;
/* cancel_session_response: BF41. */
bool es9plus_cancel_session(Es9plus *es9plus, Span transaction_id, Span cancel_session_response,
	PostCancel *cancel, GError **error) SGP32_CHECK;

/* Words for a pair of status codes, or NULL. */
const char *es9plus_reason_text(const char *subject, const char *reason);

/* The answers alone, for tests: body is the JSON text. */
bool es9plus_parse_initiate_authentication(
	Span body, RspInitiated *ret, GError **error) SGP32_CHECK;
bool es9plus_parse_authenticate_client(
	Span body, Span transaction_id, RspAuthenticated *ret, GError **error) SGP32_CHECK;
GBytes *es9plus_parse_get_bound_profile_package(
	Span body, Span transaction_id, GError **error) SGP32_CHECK;
bool es9plus_parse_header(Span body, GError **error) SGP32_CHECK;
