/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "asn1/esipa.h"

#include "asn1/table.h"

#define TRANSACTION_ID(Struct, ...)                                                                \
	OCTETS(Struct, transaction_id, "transactionId", 0x80, 1, TRANSACTION_ID_MAX, __VA_ARGS__)
#define EIM_TRANSACTION_ID(Struct, tag)                                                            \
	OCTETS(Struct, eim_transaction_id, "eimTransactionId", tag, 1, TRANSACTION_ID_MAX, OPTIONAL)
#define SIGNATURE(Struct, member, word) OCTETS(Struct, member, word, 0x5f37, 1, SIGNATURE_MAX)
#define EID(Struct, ...)                                                                           \
	OCTETS(Struct, eid_value, "eidValue", 0x5a, EID_SIZE, EID_SIZE, __VA_ARGS__)

static const MsgField pending_item = { .kind = MSG_NESTED, .type = &PENDING_NOTIFICATION };
static const MsgField package_result_item = { .kind = MSG_NESTED, .type = &EUICC_PACKAGE_RESULT };
static const MsgField sequence_number = { .tag = 0x80, .kind = MSG_INTEGER };

static const MsgField ipa_capabilities[] = {
	BITS(IpaCapabilities, ipa_features, "ipaFeatures", 0x80),
	BITS(IpaCapabilities, ipa_supported_protocols, "ipaSupportedProtocols", 0x81, OPTIONAL),
	RAW(IpaCapabilities, esipa_proprietary_protocol_information,
		"eSipaProprietaryProtocolInformation", 0xa2, 4096, OPTIONAL),
};
const MsgType IPA_CAPABILITIES = SEQUENCE(IpaCapabilities, 0x30, ipa_capabilities);

/* ---- IpaEuiccDataRequest ---- */

static const MsgField search_criteria_notification[] = {
	INTEGER(SearchCriteriaNotification, seq_number, "seqNumber", 0x80),
	BITS(SearchCriteriaNotification, profile_management_operation, "profileManagementOperation",
		0x81),
};
static const MsgType SEARCH_CRITERIA_NOTIFICATION =
	CHOICE(SearchCriteriaNotification, 0, search_criteria_notification);

static const MsgField search_criteria_euicc_package_result[] = {
	INTEGER(SearchCriteriaEuiccPackageResult, seq_number, "seqNumber", 0x80),
};
static const MsgType SEARCH_CRITERIA_EUICC_PACKAGE_RESULT =
	CHOICE(SearchCriteriaEuiccPackageResult, 0, search_criteria_euicc_package_result);

static const MsgField ipa_euicc_data_request[] = {
	OCTETS(IpaEuiccDataRequest, tag_list, "tagList", 0x5c, 0, 256),
	OCTETS(IpaEuiccDataRequest, euicc_ci_pk_identifier_to_be_used,
		"euiccCiPKIdentifierToBeUsed", 0x04, 0, KEY_ID_MAX, OPTIONAL),
	NESTED(IpaEuiccDataRequest, search_criteria_notification, "searchCriteriaNotification",
		0xa1, SEARCH_CRITERIA_NOTIFICATION, OPTIONAL),
	NESTED(IpaEuiccDataRequest, search_criteria_euicc_package_result,
		"searchCriteriaEuiccPackageResult", 0xa2, SEARCH_CRITERIA_EUICC_PACKAGE_RESULT,
		OPTIONAL),
	EIM_TRANSACTION_ID(IpaEuiccDataRequest, 0x83),
};
const MsgType IPA_EUICC_DATA_REQUEST =
	SEQUENCE(IpaEuiccDataRequest, 0xbf52, ipa_euicc_data_request);

static const MsgField ipa_euicc_data[] = {
	LIST(IpaEuiccData, notifications_list, "notificationsList", 0xa0, pending_item, OPTIONAL),
	TEXT(IpaEuiccData, default_smdp_address, "defaultSmdpAddress", 0x81, 0, ADDRESS_MAX,
		OPTIONAL),
	LIST(IpaEuiccData, euicc_package_result_list, "euiccPackageResultList", 0xa2,
		package_result_item, OPTIONAL),
	NESTED(IpaEuiccData, euicc_info1, "euiccInfo1", 0, EUICC_INFO1, OPTIONAL),
	NESTED(IpaEuiccData, euicc_info2, "euiccInfo2", 0, EUICC_INFO2, OPTIONAL),
	TEXT(IpaEuiccData, root_smds_address, "rootSmdsAddress", 0x83, 0, ADDRESS_MAX, OPTIONAL),
	INTEGER(IpaEuiccData, association_token, "associationToken", 0x84, OPTIONAL),
	RAW(IpaEuiccData, eum_certificate, "eumCertificate", 0xa5, CERTIFICATE_MAX, OPTIONAL),
	RAW(IpaEuiccData, euicc_certificate, "euiccCertificate", 0xa6, CERTIFICATE_MAX, OPTIONAL),
	EIM_TRANSACTION_ID(IpaEuiccData, 0x87),
	NESTED(IpaEuiccData, ipa_capabilities, "ipaCapabilities", 0xa8, IPA_CAPABILITIES, OPTIONAL),
	NESTED(IpaEuiccData, device_info, "deviceInfo", 0xa9, DEVICE_INFO, OPTIONAL),
};
static const MsgType IPA_EUICC_DATA = SEQUENCE(IpaEuiccData, 0x30, ipa_euicc_data);

static const MsgField ipa_euicc_data_response_error[] = {
	EIM_TRANSACTION_ID(IpaEuiccDataResponseError, 0x80),
	INTEGER(IpaEuiccDataResponseError, ipa_euicc_data_error_code, "ipaEuiccDataErrorCode",
		0x02),
};
static const MsgType IPA_EUICC_DATA_RESPONSE_ERROR =
	SEQUENCE(IpaEuiccDataResponseError, 0x30, ipa_euicc_data_response_error);

static const MsgField ipa_euicc_data_response[] = {
	NESTED(IpaEuiccDataResponse, ipa_euicc_data, "ipaEuiccData", 0xa0, IPA_EUICC_DATA),
	NESTED(IpaEuiccDataResponse, ipa_euicc_data_response_error, "ipaEuiccDataResponseError",
		0xa1, IPA_EUICC_DATA_RESPONSE_ERROR),
};
const MsgType IPA_EUICC_DATA_RESPONSE =
	CHOICE(IpaEuiccDataResponse, 0xbf52, ipa_euicc_data_response);

/* ---- ProfileDownloadTriggerRequest ---- */

static const MsgField contact_smds[] = {
	TEXT(ContactSmds, smds_address, "smdsAddress", 0x80, 0, ADDRESS_MAX, OPTIONAL),
};
static const MsgType CONTACT_SMDS = SEQUENCE(ContactSmds, 0x30, contact_smds);

static const MsgField profile_download_data[] = {
	TEXT(ProfileDownloadData, activation_code, "activationCode", 0x80, 0, 255),
	EMPTY(ProfileDownloadData, contact_default_smdp, "contactDefaultSmdp", 0x81),
	NESTED(ProfileDownloadData, contact_smds, "contactSmds", 0xa2, CONTACT_SMDS),
};
static const MsgType PROFILE_DOWNLOAD_DATA = CHOICE(ProfileDownloadData, 0, profile_download_data);

static const MsgField profile_download_trigger_request[] = {
	NESTED(ProfileDownloadTriggerRequest, profile_download_data, "profileDownloadData", 0xa0,
		PROFILE_DOWNLOAD_DATA, OPTIONAL),
	EIM_TRANSACTION_ID(ProfileDownloadTriggerRequest, 0x82),
};
const MsgType PROFILE_DOWNLOAD_TRIGGER_REQUEST =
	SEQUENCE(ProfileDownloadTriggerRequest, 0xbf54, profile_download_trigger_request);

static const MsgField profile_download_error[] = {
	INTEGER(ProfileDownloadError, profile_download_error_reason, "profileDownloadErrorReason",
		0x80),
	OCTETS(ProfileDownloadError, error_response, "errorResponse", 0x04, 0, 65536, OPTIONAL),
};
static const MsgType PROFILE_DOWNLOAD_ERROR =
	SEQUENCE(ProfileDownloadError, 0x30, profile_download_error);

static const MsgField profile_download_trigger_result_data[] = {
	NESTED(ProfileDownloadTriggerResultData, profile_installation_result,
		"profileInstallationResult", 0, PROFILE_INSTALLATION_RESULT),
	NESTED(ProfileDownloadTriggerResultData, profile_download_error, "profileDownloadError", 0,
		PROFILE_DOWNLOAD_ERROR),
};
static const MsgType PROFILE_DOWNLOAD_TRIGGER_RESULT_DATA =
	CHOICE(ProfileDownloadTriggerResultData, 0, profile_download_trigger_result_data);

static const MsgField profile_download_trigger_result[] = {
	EIM_TRANSACTION_ID(ProfileDownloadTriggerResult, 0x82),
	NESTED(ProfileDownloadTriggerResult, profile_download_trigger_result_data,
		"profileDownloadTriggerResultData", 0, PROFILE_DOWNLOAD_TRIGGER_RESULT_DATA),
};
const MsgType PROFILE_DOWNLOAD_TRIGGER_RESULT =
	SEQUENCE(ProfileDownloadTriggerResult, 0xbf54, profile_download_trigger_result);

/* A SEQUENCE OF with a tag of its own: a CHOICE of one list. */
static const MsgField eim_acknowledgements[] = {
	LIST(EimAcknowledgements, sequence_numbers, "sequenceNumbers", 0xbf53, sequence_number),
};
const MsgType EIM_ACKNOWLEDGEMENTS = CHOICE(EimAcknowledgements, 0, eim_acknowledgements);

/* ---- GetEimPackage ---- */

static const MsgField get_eim_package_request[] = {
	EID(GetEimPackageRequest),
	EMPTY(GetEimPackageRequest, notify_state_change, "notifyStateChange", 0x80, OPTIONAL),
	INTEGER(GetEimPackageRequest, state_change_cause, "stateChangeCause", 0x81, OPTIONAL),
	OCTETS(GetEimPackageRequest, r_plmn, "rPLMN", 0x82, 3, 3, OPTIONAL),
};
const MsgType GET_EIM_PACKAGE_REQUEST =
	SEQUENCE(GetEimPackageRequest, 0xbf4f, get_eim_package_request);

static const MsgField get_eim_package_response[] = {
	NESTED(GetEimPackageResponse, euicc_package_request, "euiccPackageRequest", 0,
		EUICC_PACKAGE_REQUEST),
	NESTED(GetEimPackageResponse, ipa_euicc_data_request, "ipaEuiccDataRequest", 0,
		IPA_EUICC_DATA_REQUEST),
	NESTED(GetEimPackageResponse, profile_download_trigger_request,
		"profileDownloadTriggerRequest", 0, PROFILE_DOWNLOAD_TRIGGER_REQUEST),
	INTEGER(GetEimPackageResponse, eim_package_error, "eimPackageError", 0x02),
};
const MsgType GET_EIM_PACKAGE_RESPONSE =
	CHOICE(GetEimPackageResponse, 0xbf4f, get_eim_package_response);

/* ---- ProvideEimPackageResult ---- */

static const MsgField epr_and_notifications[] = {
	NESTED(EprAndNotifications, euicc_package_result, "euiccPackageResult", 0,
		EUICC_PACKAGE_RESULT),
	LIST(EprAndNotifications, notification_list, "notificationList", 0xa0, pending_item),
};
static const MsgType EPR_AND_NOTIFICATIONS =
	SEQUENCE(EprAndNotifications, 0x30, epr_and_notifications);

static const MsgField eim_package_result_response_error[] = {
	EIM_TRANSACTION_ID(EimPackageResultResponseError, 0x80),
	INTEGER(EimPackageResultResponseError, eim_package_result_error_code,
		"eimPackageResultErrorCode", 0x02),
};
static const MsgType EIM_PACKAGE_RESULT_RESPONSE_ERROR =
	SEQUENCE(EimPackageResultResponseError, 0x30, eim_package_result_response_error);

static const MsgField eim_package_result[] = {
	NESTED(EimPackageResult, euicc_package_result, "euiccPackageResult", 0,
		EUICC_PACKAGE_RESULT),
	NESTED(EimPackageResult, epr_and_notifications, "ePRAndNotifications", 0,
		EPR_AND_NOTIFICATIONS),
	NESTED(EimPackageResult, ipa_euicc_data_response, "ipaEuiccDataResponse", 0,
		IPA_EUICC_DATA_RESPONSE),
	NESTED(EimPackageResult, profile_download_trigger_result, "profileDownloadTriggerResult", 0,
		PROFILE_DOWNLOAD_TRIGGER_RESULT),
	NESTED(EimPackageResult, eim_package_result_response_error, "eimPackageResultResponseError",
		0xa0, EIM_PACKAGE_RESULT_RESPONSE_ERROR),
};
const MsgType EIM_PACKAGE_RESULT = CHOICE(EimPackageResult, 0, eim_package_result);

static const MsgField provide_eim_package_result[] = {
	EID(ProvideEimPackageResult, OPTIONAL),
	NESTED(ProvideEimPackageResult, eim_package_result, "eimPackageResult", 0,
		EIM_PACKAGE_RESULT),
};
const MsgType PROVIDE_EIM_PACKAGE_RESULT =
	SEQUENCE(ProvideEimPackageResult, 0xbf50, provide_eim_package_result);

static const MsgField provide_eim_package_result_response[] = {
	NESTED(ProvideEimPackageResultResponse, eim_acknowledgements, "eimAcknowledgements", 0,
		EIM_ACKNOWLEDGEMENTS),
	EMPTY(ProvideEimPackageResultResponse, empty_response, "emptyResponse", 0x30),
	INTEGER(ProvideEimPackageResultResponse, provide_eim_package_result_error,
		"provideEimPackageResultError", 0x02),
};
const MsgType PROVIDE_EIM_PACKAGE_RESULT_RESPONSE =
	CHOICE(ProvideEimPackageResultResponse, 0xbf50, provide_eim_package_result_response);

/* ---- TransferEimPackage ---- */

static const MsgField transfer_eim_package_request[] = {
	NESTED(TransferEimPackageRequest, euicc_package_request, "euiccPackageRequest", 0,
		EUICC_PACKAGE_REQUEST),
	NESTED(TransferEimPackageRequest, ipa_euicc_data_request, "ipaEuiccDataRequest", 0,
		IPA_EUICC_DATA_REQUEST),
	NESTED(TransferEimPackageRequest, eim_acknowledgements, "eimAcknowledgements", 0,
		EIM_ACKNOWLEDGEMENTS),
	NESTED(TransferEimPackageRequest, profile_download_trigger_request,
		"profileDownloadTriggerRequest", 0, PROFILE_DOWNLOAD_TRIGGER_REQUEST),
};
const MsgType TRANSFER_EIM_PACKAGE_REQUEST =
	CHOICE(TransferEimPackageRequest, 0xbf4e, transfer_eim_package_request);

static const MsgField transfer_eim_package_response[] = {
	NESTED(TransferEimPackageResponse, euicc_package_result, "euiccPackageResult", 0,
		EUICC_PACKAGE_RESULT),
	NESTED(TransferEimPackageResponse, epr_and_notifications, "ePRAndNotifications", 0,
		EPR_AND_NOTIFICATIONS),
	NESTED(TransferEimPackageResponse, ipa_euicc_data_response, "ipaEuiccDataResponse", 0,
		IPA_EUICC_DATA_RESPONSE),
	EMPTY(TransferEimPackageResponse, eim_package_received, "eimPackageReceived", 0x05),
	INTEGER(TransferEimPackageResponse, eim_package_error, "eimPackageError", 0x02),
};
const MsgType TRANSFER_EIM_PACKAGE_RESPONSE =
	CHOICE(TransferEimPackageResponse, 0xbf4e, transfer_eim_package_response);

static const MsgField handle_notification_esipa[] = {
	NESTED(HandleNotificationEsipa, pending_notification, "pendingNotification", 0xa0,
		PENDING_NOTIFICATION),
	NESTED(HandleNotificationEsipa, provide_eim_package_result, "provideEimPackageResult", 0,
		PROVIDE_EIM_PACKAGE_RESULT),
};
const MsgType HANDLE_NOTIFICATION_ESIPA =
	CHOICE(HandleNotificationEsipa, 0xbf3d, handle_notification_esipa);

/* ---- The relayed download ---- */

static const MsgField initiate_authentication_request_esipa[] = {
	OCTETS(InitiateAuthenticationRequestEsipa, euicc_challenge, "euiccChallenge", 0x81,
		CHALLENGE_SIZE, CHALLENGE_SIZE),
	TEXT(InitiateAuthenticationRequestEsipa, smdp_address, "smdpAddress", 0x83, 0, ADDRESS_MAX,
		OPTIONAL),
	NESTED(InitiateAuthenticationRequestEsipa, euicc_info1, "euiccInfo1", 0, EUICC_INFO1,
		OPTIONAL),
	EIM_TRANSACTION_ID(InitiateAuthenticationRequestEsipa, 0x82),
};
const MsgType INITIATE_AUTHENTICATION_REQUEST_ESIPA =
	SEQUENCE(InitiateAuthenticationRequestEsipa, 0xbf39, initiate_authentication_request_esipa);

static const MsgField initiate_authentication_ok_esipa[] = {
	TRANSACTION_ID(InitiateAuthenticationOkEsipa, OPTIONAL),
	NESTED(InitiateAuthenticationOkEsipa, server_signed1, "serverSigned1", 0, SERVER_SIGNED1),
	SIGNATURE(InitiateAuthenticationOkEsipa, server_signature1, "serverSignature1"),
	OCTETS(InitiateAuthenticationOkEsipa, euicc_ci_pk_identifier_to_be_used,
		"euiccCiPKIdentifierToBeUsed", 0x04, 0, KEY_ID_MAX),
	RAW(InitiateAuthenticationOkEsipa, server_certificate, "serverCertificate", 0x30,
		CERTIFICATE_MAX),
	TEXT(InitiateAuthenticationOkEsipa, matching_id, "matchingId", 0x0c, 0, 255, OPTIONAL),
	NESTED(InitiateAuthenticationOkEsipa, ctx_params1, "ctxParams1", 0xa2, CTX_PARAMS1,
		OPTIONAL),
};
static const MsgType INITIATE_AUTHENTICATION_OK_ESIPA =
	SEQUENCE(InitiateAuthenticationOkEsipa, 0x30, initiate_authentication_ok_esipa);

static const MsgField initiate_authentication_response_esipa[] = {
	NESTED(InitiateAuthenticationResponseEsipa, initiate_authentication_ok_esipa,
		"initiateAuthenticationOkEsipa", 0xa0, INITIATE_AUTHENTICATION_OK_ESIPA),
	INTEGER(InitiateAuthenticationResponseEsipa, initiate_authentication_error_esipa,
		"initiateAuthenticationErrorEsipa", 0x81),
};
const MsgType INITIATE_AUTHENTICATION_RESPONSE_ESIPA =
	CHOICE(InitiateAuthenticationResponseEsipa, 0xbf39, initiate_authentication_response_esipa);

static const MsgField authenticate_client_request_esipa[] = {
	TRANSACTION_ID(AuthenticateClientRequestEsipa),
	NESTED(AuthenticateClientRequestEsipa, authenticate_server_response,
		"authenticateServerResponse", 0, AUTHENTICATE_SERVER_RESPONSE),
};
const MsgType AUTHENTICATE_CLIENT_REQUEST_ESIPA =
	SEQUENCE(AuthenticateClientRequestEsipa, 0xbf3b, authenticate_client_request_esipa);

static const MsgField authenticate_client_ok_dp_esipa[] = {
	TRANSACTION_ID(AuthenticateClientOkDpEsipa, OPTIONAL),
	NESTED(AuthenticateClientOkDpEsipa, profile_meta_data, "profileMetaData", 0,
		STORE_METADATA_REQUEST, OPTIONAL),
	NESTED(AuthenticateClientOkDpEsipa, smdp_signed2, "smdpSigned2", 0, SMDP_SIGNED2),
	SIGNATURE(AuthenticateClientOkDpEsipa, smdp_signature2, "smdpSignature2"),
	RAW(AuthenticateClientOkDpEsipa, smdp_certificate, "smdpCertificate", 0x30,
		CERTIFICATE_MAX),
	OCTETS(AuthenticateClientOkDpEsipa, hash_cc, "hashCc", 0x04, 32, 32, OPTIONAL),
};
static const MsgType AUTHENTICATE_CLIENT_OK_DP_ESIPA =
	SEQUENCE(AuthenticateClientOkDpEsipa, 0x30, authenticate_client_ok_dp_esipa);

static const MsgField authenticate_client_ok_ds_esipa[] = {
	TRANSACTION_ID(AuthenticateClientOkDsEsipa),
	NESTED(AuthenticateClientOkDsEsipa, profile_download_trigger, "profileDownloadTrigger", 0,
		PROFILE_DOWNLOAD_TRIGGER_REQUEST, OPTIONAL),
};
static const MsgType AUTHENTICATE_CLIENT_OK_DS_ESIPA =
	SEQUENCE(AuthenticateClientOkDsEsipa, 0x30, authenticate_client_ok_ds_esipa);

static const MsgField authenticate_client_response_esipa[] = {
	NESTED(AuthenticateClientResponseEsipa, authenticate_client_ok_dp_esipa,
		"authenticateClientOkDPEsipa", 0xa0, AUTHENTICATE_CLIENT_OK_DP_ESIPA),
	NESTED(AuthenticateClientResponseEsipa, authenticate_client_ok_ds_esipa,
		"authenticateClientOkDSEsipa", 0xa1, AUTHENTICATE_CLIENT_OK_DS_ESIPA),
	INTEGER(AuthenticateClientResponseEsipa, authenticate_client_error_esipa,
		"authenticateClientErrorEsipa", 0x82),
};
const MsgType AUTHENTICATE_CLIENT_RESPONSE_ESIPA =
	CHOICE(AuthenticateClientResponseEsipa, 0xbf3b, authenticate_client_response_esipa);

static const MsgField get_bound_profile_package_request_esipa[] = {
	TRANSACTION_ID(GetBoundProfilePackageRequestEsipa),
	NESTED(GetBoundProfilePackageRequestEsipa, prepare_download_response,
		"prepareDownloadResponse", 0, PREPARE_DOWNLOAD_RESPONSE),
};
const MsgType GET_BOUND_PROFILE_PACKAGE_REQUEST_ESIPA = SEQUENCE(
	GetBoundProfilePackageRequestEsipa, 0xbf3a, get_bound_profile_package_request_esipa);

static const MsgField get_bound_profile_package_ok_esipa[] = {
	TRANSACTION_ID(GetBoundProfilePackageOkEsipa, OPTIONAL),
	NESTED(GetBoundProfilePackageOkEsipa, bound_profile_package, "boundProfilePackage", 0,
		BOUND_PROFILE_PACKAGE),
};
static const MsgType GET_BOUND_PROFILE_PACKAGE_OK_ESIPA =
	SEQUENCE(GetBoundProfilePackageOkEsipa, 0x30, get_bound_profile_package_ok_esipa);

static const MsgField get_bound_profile_package_response_esipa[] = {
	NESTED(GetBoundProfilePackageResponseEsipa, get_bound_profile_package_ok_esipa,
		"getBoundProfilePackageOkEsipa", 0xa0, GET_BOUND_PROFILE_PACKAGE_OK_ESIPA),
	INTEGER(GetBoundProfilePackageResponseEsipa, get_bound_profile_package_error_esipa,
		"getBoundProfilePackageErrorEsipa", 0x81),
};
const MsgType GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA = CHOICE(
	GetBoundProfilePackageResponseEsipa, 0xbf3a, get_bound_profile_package_response_esipa);

static const MsgField cancel_session_request_esipa[] = {
	TRANSACTION_ID(CancelSessionRequestEsipa),
	/* The automatic tag takes the place of BF41. */
	NESTED(CancelSessionRequestEsipa, cancel_session_response, "cancelSessionResponse", 0xa1,
		CANCEL_SESSION_RESPONSE),
};
const MsgType CANCEL_SESSION_REQUEST_ESIPA =
	SEQUENCE(CancelSessionRequestEsipa, 0xbf41, cancel_session_request_esipa);

static const MsgField cancel_session_response_esipa[] = {
	EMPTY(CancelSessionResponseEsipa, cancel_session_ok, "cancelSessionOk", 0xa0),
	INTEGER(CancelSessionResponseEsipa, cancel_session_error, "cancelSessionError", 0x81),
};
const MsgType CANCEL_SESSION_RESPONSE_ESIPA =
	CHOICE(CancelSessionResponseEsipa, 0xbf41, cancel_session_response_esipa);

/* ---- Any message ---- */

static const MsgField esipa_message_from_ipa_to_eim[] = {
	NESTED(EsipaMessageFromIpaToEim, initiate_authentication_request_esipa,
		"initiateAuthenticationRequestEsipa", 0, INITIATE_AUTHENTICATION_REQUEST_ESIPA),
	NESTED(EsipaMessageFromIpaToEim, authenticate_client_request_esipa,
		"authenticateClientRequestEsipa", 0, AUTHENTICATE_CLIENT_REQUEST_ESIPA),
	NESTED(EsipaMessageFromIpaToEim, get_bound_profile_package_request_esipa,
		"getBoundProfilePackageRequestEsipa", 0, GET_BOUND_PROFILE_PACKAGE_REQUEST_ESIPA),
	NESTED(EsipaMessageFromIpaToEim, cancel_session_request_esipa, "cancelSessionRequestEsipa",
		0, CANCEL_SESSION_REQUEST_ESIPA),
	NESTED(EsipaMessageFromIpaToEim, handle_notification_esipa, "handleNotificationEsipa", 0,
		HANDLE_NOTIFICATION_ESIPA),
	NESTED(EsipaMessageFromIpaToEim, transfer_eim_package_response,
		"transferEimPackageResponse", 0, TRANSFER_EIM_PACKAGE_RESPONSE),
	NESTED(EsipaMessageFromIpaToEim, get_eim_package_request, "getEimPackageRequest", 0,
		GET_EIM_PACKAGE_REQUEST),
	NESTED(EsipaMessageFromIpaToEim, provide_eim_package_result, "provideEimPackageResult", 0,
		PROVIDE_EIM_PACKAGE_RESULT),
};
const MsgType ESIPA_MESSAGE_FROM_IPA_TO_EIM =
	CHOICE(EsipaMessageFromIpaToEim, 0, esipa_message_from_ipa_to_eim);

static const MsgField esipa_message_from_eim_to_ipa[] = {
	NESTED(EsipaMessageFromEimToIpa, initiate_authentication_response_esipa,
		"initiateAuthenticationResponseEsipa", 0, INITIATE_AUTHENTICATION_RESPONSE_ESIPA),
	NESTED(EsipaMessageFromEimToIpa, authenticate_client_response_esipa,
		"authenticateClientResponseEsipa", 0, AUTHENTICATE_CLIENT_RESPONSE_ESIPA),
	NESTED(EsipaMessageFromEimToIpa, get_bound_profile_package_response_esipa,
		"getBoundProfilePackageResponseEsipa", 0, GET_BOUND_PROFILE_PACKAGE_RESPONSE_ESIPA),
	NESTED(EsipaMessageFromEimToIpa, cancel_session_response_esipa,
		"cancelSessionResponseEsipa", 0, CANCEL_SESSION_RESPONSE_ESIPA),
	NESTED(EsipaMessageFromEimToIpa, transfer_eim_package_request, "transferEimPackageRequest",
		0, TRANSFER_EIM_PACKAGE_REQUEST),
	NESTED(EsipaMessageFromEimToIpa, get_eim_package_response, "getEimPackageResponse", 0,
		GET_EIM_PACKAGE_RESPONSE),
	NESTED(EsipaMessageFromEimToIpa, provide_eim_package_result_response,
		"provideEimPackageResultResponse", 0, PROVIDE_EIM_PACKAGE_RESULT_RESPONSE),
};
const MsgType ESIPA_MESSAGE_FROM_EIM_TO_IPA =
	CHOICE(EsipaMessageFromEimToIpa, 0, esipa_message_from_eim_to_ipa);
