/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ES9+ and ES11 in ASN.1 (SGP.22 6.6): what JSON carries piece by piece, in a wrapper A2. The codes are
 * those of esipa.h where they have the same words.
 */
#pragma once

#include "asn1/esipa.h"

#define TAG_REMOTE_PROFILE_PROVISIONING 0xa2
#define TAG_AUTHENTICATE_CLIENT_ES11 0xbf40

typedef struct InitiateAuthenticationRequest { /* BF39 */
	Span euicc_challenge;
	Span smdp_address;
	const EuiccInfo1 *euicc_info1;
} InitiateAuthenticationRequest;

typedef struct InitiateAuthenticationOkEs9 {
	Span transaction_id;
	const ServerSigned1 *server_signed1;
	Span server_signature1;
	Span euicc_ci_pk_id_to_be_used;
	Span server_certificate; /* 30 */
} InitiateAuthenticationOkEs9;

typedef struct InitiateAuthenticationResponse { /* BF39, CHOICE */
	const InitiateAuthenticationOkEs9 *initiate_authentication_ok;
	Num initiate_authentication_error;
} InitiateAuthenticationResponse;

typedef struct AuthenticateClientRequest { /* BF3B */
	Span transaction_id;
	const AuthenticateServerResponse *authenticate_server_response;
} AuthenticateClientRequest;

typedef struct AuthenticateClientOk {
	Span transaction_id;
	const StoreMetadataRequest *profile_meta_data;
	const SmdpSigned2 *smdp_signed2;
	Span smdp_signature2;
	Span smdp_certificate; /* 30 */
} AuthenticateClientOk;

typedef struct AuthenticateClientResponseEs9 { /* BF3B, CHOICE */
	const AuthenticateClientOk *authenticate_client_ok;
	Num authenticate_client_error;
} AuthenticateClientResponseEs9;

typedef struct GetBoundProfilePackageRequest { /* BF3A */
	Span transaction_id;
	const PrepareDownloadResponse *prepare_download_response;
} GetBoundProfilePackageRequest;

typedef struct GetBoundProfilePackageOk {
	Span transaction_id;
	const BoundProfilePackage *bound_profile_package;
} GetBoundProfilePackageOk;

typedef struct GetBoundProfilePackageResponse { /* BF3A, CHOICE */
	const GetBoundProfilePackageOk *get_bound_profile_package_ok;
	Num get_bound_profile_package_error;
} GetBoundProfilePackageResponse;

typedef struct HandleNotification { /* BF3D */
	const PendingNotification *pending_notification;
} HandleNotification;

typedef struct EventEntries {
	Span event_id;
	Span rsp_server_address;
} EventEntries;

typedef struct AuthenticateClientOkEs11 {
	Span transaction_id;
	List event_entries; /* of EventEntries */
} AuthenticateClientOkEs11;

enum { /* authenticateClientError of ES11 */
	AUTHENTICATE_CLIENT_ES11_ERROR_EUM_CERTIFICATE_INVALID = 1,
	AUTHENTICATE_CLIENT_ES11_ERROR_EUM_CERTIFICATE_EXPIRED = 2,
	AUTHENTICATE_CLIENT_ES11_ERROR_EUICC_CERTIFICATE_INVALID = 3,
	AUTHENTICATE_CLIENT_ES11_ERROR_EUICC_CERTIFICATE_EXPIRED = 4,
	AUTHENTICATE_CLIENT_ES11_ERROR_EUICC_SIGNATURE_INVALID = 5,
	AUTHENTICATE_CLIENT_ES11_ERROR_EVENT_ID_UNKNOWN = 6,
	AUTHENTICATE_CLIENT_ES11_ERROR_INVALID_TRANSACTION_ID = 7,
	AUTHENTICATE_CLIENT_ES11_ERROR_UNDEFINED_ERROR = 127,
};

typedef struct AuthenticateClientResponseEs11 { /* BF40, CHOICE */
	const AuthenticateClientOkEs11 *authenticate_client_ok;
	Num authenticate_client_error;
} AuthenticateClientResponseEs11;

typedef struct RemoteProfileProvisioningRequest { /* A2, CHOICE */
	const InitiateAuthenticationRequest *initiate_authentication_request;
	const AuthenticateClientRequest *authenticate_client_request;
	const GetBoundProfilePackageRequest *get_bound_profile_package_request;
	const CancelSessionRequestEsipa *cancel_session_request_es9;
	const HandleNotification *handle_notification;
} RemoteProfileProvisioningRequest;

typedef struct RemoteProfileProvisioningResponse { /* A2, CHOICE */
	const InitiateAuthenticationResponse *initiate_authentication_response;
	const AuthenticateClientResponseEs9 *authenticate_client_response_es9;
	const GetBoundProfilePackageResponse *get_bound_profile_package_response;
	const CancelSessionResponseEsipa *cancel_session_response_es9;
	const AuthenticateClientResponseEs11 *authenticate_client_response_es11;
} RemoteProfileProvisioningResponse;

extern const MsgType INITIATE_AUTHENTICATION_REQUEST, INITIATE_AUTHENTICATION_RESPONSE;
extern const MsgType AUTHENTICATE_CLIENT_REQUEST, AUTHENTICATE_CLIENT_RESPONSE_ES9;
extern const MsgType AUTHENTICATE_CLIENT_RESPONSE_ES11;
extern const MsgType GET_BOUND_PROFILE_PACKAGE_REQUEST, GET_BOUND_PROFILE_PACKAGE_RESPONSE;
extern const MsgType HANDLE_NOTIFICATION;
extern const MsgType REMOTE_PROFILE_PROVISIONING_REQUEST, REMOTE_PROFILE_PROVISIONING_RESPONSE;
