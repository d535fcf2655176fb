/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/es9plus.h"

#include "asn1/table.h"

#define TRANSACTION_ID(Struct)                                                                     \
	OCTETS(Struct, transaction_id, "transactionId", 0x80, 1, TRANSACTION_ID_MAX)
#define SIGNATURE(Struct, member, word) OCTETS(Struct, member, word, 0x5f37, 1, SIGNATURE_MAX)

static const MsgField initiate_authentication_request[] = {
	OCTETS(InitiateAuthenticationRequest, euicc_challenge, "euiccChallenge", 0x81,
		CHALLENGE_SIZE, CHALLENGE_SIZE),
	TEXT(InitiateAuthenticationRequest, smdp_address, "smdpAddress", 0x83, 0, ADDRESS_MAX),
	NESTED(InitiateAuthenticationRequest, euicc_info1, "euiccInfo1", 0, EUICC_INFO1),
};
const MsgType INITIATE_AUTHENTICATION_REQUEST =
	SEQUENCE(InitiateAuthenticationRequest, 0xbf39, initiate_authentication_request);

static const MsgField initiate_authentication_ok_es9[] = {
	TRANSACTION_ID(InitiateAuthenticationOkEs9),
	NESTED(InitiateAuthenticationOkEs9, server_signed1, "serverSigned1", 0, SERVER_SIGNED1),
	SIGNATURE(InitiateAuthenticationOkEs9, server_signature1, "serverSignature1"),
	OCTETS(InitiateAuthenticationOkEs9, euicc_ci_pk_id_to_be_used, "euiccCiPKIdToBeUsed", 0x04,
		0, KEY_ID_MAX),
	RAW(InitiateAuthenticationOkEs9, server_certificate, "serverCertificate", 0x30,
		CERTIFICATE_MAX),
};
static const MsgType INITIATE_AUTHENTICATION_OK_ES9 =
	SEQUENCE(InitiateAuthenticationOkEs9, 0x30, initiate_authentication_ok_es9);

static const MsgField initiate_authentication_response[] = {
	NESTED(InitiateAuthenticationResponse, initiate_authentication_ok,
		"initiateAuthenticationOk", 0xa0, INITIATE_AUTHENTICATION_OK_ES9),
	INTEGER(InitiateAuthenticationResponse, initiate_authentication_error,
		"initiateAuthenticationError", 0x81),
};
const MsgType INITIATE_AUTHENTICATION_RESPONSE =
	CHOICE(InitiateAuthenticationResponse, 0xbf39, initiate_authentication_response);

static const MsgField authenticate_client_request[] = {
	TRANSACTION_ID(AuthenticateClientRequest),
	NESTED(AuthenticateClientRequest, authenticate_server_response,
		"authenticateServerResponse", 0, AUTHENTICATE_SERVER_RESPONSE),
};
const MsgType AUTHENTICATE_CLIENT_REQUEST =
	SEQUENCE(AuthenticateClientRequest, 0xbf3b, authenticate_client_request);

static const MsgField authenticate_client_ok[] = {
	TRANSACTION_ID(AuthenticateClientOk),
	NESTED(AuthenticateClientOk, profile_meta_data, "profileMetaData", 0,
		STORE_METADATA_REQUEST),
	NESTED(AuthenticateClientOk, smdp_signed2, "smdpSigned2", 0, SMDP_SIGNED2),
	SIGNATURE(AuthenticateClientOk, smdp_signature2, "smdpSignature2"),
	RAW(AuthenticateClientOk, smdp_certificate, "smdpCertificate", 0x30, CERTIFICATE_MAX),
};
static const MsgType AUTHENTICATE_CLIENT_OK =
	SEQUENCE(AuthenticateClientOk, 0x30, authenticate_client_ok);

static const MsgField authenticate_client_response_es9[] = {
	NESTED(AuthenticateClientResponseEs9, authenticate_client_ok, "authenticateClientOk", 0xa0,
		AUTHENTICATE_CLIENT_OK),
	INTEGER(AuthenticateClientResponseEs9, authenticate_client_error, "authenticateClientError",
		0x81),
};
const MsgType AUTHENTICATE_CLIENT_RESPONSE_ES9 =
	CHOICE(AuthenticateClientResponseEs9, 0xbf3b, authenticate_client_response_es9);

static const MsgField get_bound_profile_package_request[] = {
	TRANSACTION_ID(GetBoundProfilePackageRequest),
	NESTED(GetBoundProfilePackageRequest, prepare_download_response, "prepareDownloadResponse",
		0, PREPARE_DOWNLOAD_RESPONSE),
};
const MsgType GET_BOUND_PROFILE_PACKAGE_REQUEST =
	SEQUENCE(GetBoundProfilePackageRequest, 0xbf3a, get_bound_profile_package_request);

static const MsgField get_bound_profile_package_ok[] = {
	TRANSACTION_ID(GetBoundProfilePackageOk),
	NESTED(GetBoundProfilePackageOk, bound_profile_package, "boundProfilePackage", 0,
		BOUND_PROFILE_PACKAGE),
};
static const MsgType GET_BOUND_PROFILE_PACKAGE_OK =
	SEQUENCE(GetBoundProfilePackageOk, 0x30, get_bound_profile_package_ok);

static const MsgField get_bound_profile_package_response[] = {
	NESTED(GetBoundProfilePackageResponse, get_bound_profile_package_ok,
		"getBoundProfilePackageOk", 0xa0, GET_BOUND_PROFILE_PACKAGE_OK),
	INTEGER(GetBoundProfilePackageResponse, get_bound_profile_package_error,
		"getBoundProfilePackageError", 0x81),
};
const MsgType GET_BOUND_PROFILE_PACKAGE_RESPONSE =
	CHOICE(GetBoundProfilePackageResponse, 0xbf3a, get_bound_profile_package_response);

static const MsgField handle_notification[] = {
	NESTED(HandleNotification, pending_notification, "pendingNotification", 0xa0,
		PENDING_NOTIFICATION),
};
const MsgType HANDLE_NOTIFICATION = SEQUENCE(HandleNotification, 0xbf3d, handle_notification);

/* ---- ES11 ---- */

static const MsgField event_entries[] = {
	TEXT(EventEntries, event_id, "eventId", 0x80, 0, 255),
	TEXT(EventEntries, rsp_server_address, "rspServerAddress", 0x81, 0, ADDRESS_MAX),
};
static const MsgType EVENT_ENTRIES = SEQUENCE(EventEntries, 0x30, event_entries);
static const MsgField event_entries_item = { .kind = MSG_NESTED, .type = &EVENT_ENTRIES };

static const MsgField authenticate_client_ok_es11[] = {
	TRANSACTION_ID(AuthenticateClientOkEs11),
	LIST(AuthenticateClientOkEs11, event_entries, "eventEntries", 0xa1, event_entries_item),
};
static const MsgType AUTHENTICATE_CLIENT_OK_ES11 =
	SEQUENCE(AuthenticateClientOkEs11, 0x30, authenticate_client_ok_es11);

static const MsgField authenticate_client_response_es11[] = {
	NESTED(AuthenticateClientResponseEs11, authenticate_client_ok, "authenticateClientOk", 0xa0,
		AUTHENTICATE_CLIENT_OK_ES11),
	INTEGER(AuthenticateClientResponseEs11, authenticate_client_error,
		"authenticateClientError", 0x81),
};
const MsgType AUTHENTICATE_CLIENT_RESPONSE_ES11 =
	CHOICE(AuthenticateClientResponseEs11, 0xbf40, authenticate_client_response_es11);

/* ---- Any message ---- */

static const MsgField remote_profile_provisioning_request[] = {
	NESTED(RemoteProfileProvisioningRequest, initiate_authentication_request,
		"initiateAuthenticationRequest", 0, INITIATE_AUTHENTICATION_REQUEST),
	NESTED(RemoteProfileProvisioningRequest, authenticate_client_request,
		"authenticateClientRequest", 0, AUTHENTICATE_CLIENT_REQUEST),
	NESTED(RemoteProfileProvisioningRequest, get_bound_profile_package_request,
		"getBoundProfilePackageRequest", 0, GET_BOUND_PROFILE_PACKAGE_REQUEST),
	NESTED(RemoteProfileProvisioningRequest, cancel_session_request_es9,
		"cancelSessionRequestEs9", 0, CANCEL_SESSION_REQUEST_ESIPA),
	NESTED(RemoteProfileProvisioningRequest, handle_notification, "handleNotification", 0,
		HANDLE_NOTIFICATION),
};
const MsgType REMOTE_PROFILE_PROVISIONING_REQUEST =
	CHOICE(RemoteProfileProvisioningRequest, 0xa2, remote_profile_provisioning_request);

static const MsgField remote_profile_provisioning_response[] = {
	NESTED(RemoteProfileProvisioningResponse, initiate_authentication_response,
		"initiateAuthenticationResponse", 0, INITIATE_AUTHENTICATION_RESPONSE),
	NESTED(RemoteProfileProvisioningResponse, authenticate_client_response_es9,
		"authenticateClientResponseEs9", 0, AUTHENTICATE_CLIENT_RESPONSE_ES9),
	NESTED(RemoteProfileProvisioningResponse, get_bound_profile_package_response,
		"getBoundProfilePackageResponse", 0, GET_BOUND_PROFILE_PACKAGE_RESPONSE),
	NESTED(RemoteProfileProvisioningResponse, cancel_session_response_es9,
		"cancelSessionResponseEs9", 0, CANCEL_SESSION_RESPONSE_ESIPA),
	NESTED(RemoteProfileProvisioningResponse, authenticate_client_response_es11,
		"authenticateClientResponseEs11", 0, AUTHENTICATE_CLIENT_RESPONSE_ES11),
};
const MsgType REMOTE_PROFILE_PROVISIONING_RESPONSE =
	CHOICE(RemoteProfileProvisioningResponse, 0xa2, remote_profile_provisioning_response);
