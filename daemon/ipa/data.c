/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/esipa.h"
#include "card/es10.h"
#include "ipa/ipa.h"

/* The fields that can be asked for, as bits. */
enum {
	ASKED_NOTIFICATIONS = 1 << 0,
	ASKED_DEFAULT_SMDP = 1 << 1,
	ASKED_RESULTS = 1 << 2,
	ASKED_INFO1 = 1 << 3,
	ASKED_INFO2 = 1 << 4,
	ASKED_ROOT_SMDS = 1 << 5,
	ASKED_TOKEN = 1 << 6,
	ASKED_EUM_CERTIFICATE = 1 << 7,
	ASKED_EUICC_CERTIFICATE = 1 << 8,
	ASKED_CAPABILITIES = 1 << 9,
	ASKED_DEVICE_INFO = 1 << 10,
};

static unsigned asked_bit(uint32_t tag)
{
	static const uint32_t tags[] = { IPA_EUICC_DATA_NOTIFICATIONS_LIST,
		IPA_EUICC_DATA_DEFAULT_SMDP_ADDRESS, IPA_EUICC_DATA_EUICC_PACKAGE_RESULT_LIST,
		IPA_EUICC_DATA_EUICC_INFO1, IPA_EUICC_DATA_EUICC_INFO2,
		IPA_EUICC_DATA_ROOT_SMDS_ADDRESS, IPA_EUICC_DATA_ASSOCIATION_TOKEN,
		IPA_EUICC_DATA_EUM_CERTIFICATE, IPA_EUICC_DATA_EUICC_CERTIFICATE,
		IPA_EUICC_DATA_IPA_CAPABILITIES, IPA_EUICC_DATA_DEVICE_INFO };

	for (size_t i = 0; i < G_N_ELEMENTS(tags); i++)
		if (tags[i] == tag)
			return 1u << i;
	return 0;
}

/* Tags of one or two octets, one after the other. */
static bool parse_tags(Span list, unsigned *ret)
{
	unsigned asked = 0;

	for (size_t i = 0; i < list.size; i++) {
		uint32_t tag = list.data[i];
		unsigned bit;

		if ((tag & 0x1f) == 0x1f) {
			if (i + 1 == list.size)
				return false;
			tag = tag << 8 | list.data[++i];
		}
		bit = asked_bit(tag);
		if (!bit)
			return false;
		asked |= bit;
	}
	*ret = asked;
	return true;
}

/* The whole id of the CI that the eIM names by its beginning; absent: the card's default. False: none. */
static bool choose_ci(Ipa *ipa, Span wanted, GBytes **ret)
{
	*ret = NULL;
	if (wanted.size == 0)
		return true;
	for (char **id = ipa->snapshot->ci_pk_ids; *id; id++) {
		g_autoptr(GBytes) octets = hex_decode(*id, 64);

		if (octets && span_starts(span_of(octets), wanted)) {
			*ret = g_steal_pointer(&octets);
			return true;
		}
	}
	return false;
}

static bool notification_wanted(
	const CardNotification *notification, const SearchCriteriaNotification *criteria)
{
	static const char *const words[] = { "install", "enable", "disable", "delete" };

	if (!notification->pending)
		return false;
	if (!criteria)
		return true;
	if (criteria->seq_number.present)
		return notification->seq == criteria->seq_number.value;
	for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
		if (strcmp(notification->operation, words[i]) == 0)
			return criteria->profile_management_operation.value >> i & 1;
	return false;
}

/* What the answer's lists point to. */
typedef struct Lists {
	GArray *pending; /* of PendingNotification */
	GPtrArray *kept; /* of g_free()d structs */
	GPtrArray *results; /* of Msg */
	GArray *packages; /* of EuiccPackageResult */
} Lists;

static void lists_clear(Lists *lists)
{
	g_array_unref(lists->pending);
	g_ptr_array_unref(lists->kept);
	g_clear_pointer(&lists->results, g_ptr_array_unref);
	g_array_unref(lists->packages);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Lists, lists_clear)

static List list_of(GArray *array)
{
	return (List) { array->len, array->data ? array->data : "" };
}

static void list_notifications(Ipa *ipa, const SearchCriteriaNotification *criteria, Lists *lists)
{
	GPtrArray *all = ipa->snapshot->notifications;

	for (guint i = 0; i < all->len; i++) {
		const CardNotification *notification = all->pdata[i];
		PendingNotification item = { 0 };
		Span bytes = span_of(notification->pending);

		if (!notification_wanted(notification, criteria))
			continue;
		if (bytes.data[0] == 0xbf) {
			ProfileInstallationResult *result = g_new0(ProfileInstallationResult, 1);

			result->raw = bytes;
			item.profile_installation_result = result;
			g_ptr_array_add(lists->kept, result);
		} else {
			OtherSignedNotification *other = g_new0(OtherSignedNotification, 1);

			other->raw = bytes;
			item.other_signed_notification = other;
			g_ptr_array_add(lists->kept, other);
		}
		g_array_append_val(lists->pending, item);
	}
}

static bool list_results(
	Ipa *ipa, const SearchCriteriaEuiccPackageResult *criteria, Lists *lists, GError **error)
{
	if (!ipa_read_results(ipa, &lists->results, error))
		return false;
	for (guint i = 0; i < lists->results->len; i++) {
		const EuiccPackageResult *result =
			MSG_BODY(lists->results->pdata[i], EuiccPackageResult);
		EuiccPackageResult item = { .raw = result->raw };

		if (criteria && criteria->seq_number.present &&
			(!result->euicc_package_result_signed ||
				result->euicc_package_result_signed
						->euicc_package_result_data_signed->seq_number
						.value != criteria->seq_number.value))
			continue;
		g_array_append_val(lists->packages, item);
	}
	return true;
}

static GBytes *error_answer(Span transaction_id, int code)
{
	IpaEuiccDataResponseError failure = { transaction_id, NUM(code) };
	IpaEuiccDataResponse response = { .ipa_euicc_data_response_error = &failure };

	return msg_encode_own(&IPA_EUICC_DATA_RESPONSE, &response);
}

static bool collect(Ipa *ipa, const char *eim_id, const IpaEuiccDataRequest *request, GBytes **ret,
	GError **error)
{
	g_autoptr(Msg) certs = NULL;
	g_autoptr(GError) local = NULL;
	g_autoptr(GBytes) ci = NULL;
	g_auto(Lists) lists = { g_array_new(FALSE, FALSE, sizeof(PendingNotification)),
		g_ptr_array_new_with_free_func(g_free), NULL,
		g_array_new(FALSE, FALSE, sizeof(EuiccPackageResult)) };
	const Snapshot *snapshot;
	IpaEuiccData data = { 0 };
	IpaEuiccDataResponse response = { .ipa_euicc_data = &data };
	IpaCapabilities capabilities;
	EuiccInfo1 info1 = { 0 };
	EuiccInfo2 info2 = { 0 };
	IpaDevice device;
	unsigned asked;

	if (!parse_tags(request->tag_list, &asked)) {
		*ret = error_answer(
			request->eim_transaction_id, IPA_EUICC_DATA_ERROR_INCORRECT_TAG_LIST);
		return true;
	}
	if (!ipa_read_identity(ipa, error))
		return false;
	if (!choose_ci(ipa, request->euicc_ci_pk_identifier_to_be_used, &ci)) {
		*ret = error_answer(
			request->eim_transaction_id, IPA_EUICC_DATA_ERROR_EUICC_CI_PK_ID_NOT_FOUND);
		return true;
	}
	data.eim_transaction_id = request->eim_transaction_id;
	if (asked & ASKED_NOTIFICATIONS) {
		if (!ipa_read_notifications(ipa, error))
			return false;
		list_notifications(ipa, request->search_criteria_notification, &lists);
		data.notifications_list = list_of(lists.pending);
	}
	if (asked & ASKED_RESULTS) {
		if (!list_results(
			    ipa, request->search_criteria_euicc_package_result, &lists, error))
			return false;
		data.euicc_package_result_list = list_of(lists.packages);
	}
	if (asked & (ASKED_DEFAULT_SMDP | ASKED_ROOT_SMDS) && !ipa_read_configured(ipa, error))
		return false;
	if (asked & ASKED_INFO1 && !ipa_read_euicc_info1(ipa, error))
		return false;
	if (asked & (ASKED_EUM_CERTIFICATE | ASKED_EUICC_CERTIFICATE)) {
		if (!es10_get_certs(ipa->isdr, span_of(ci), &certs, &local)) {
			if (!sgp32_error_is(local, SGP32_ERROR_NOT_FOUND)) {
				g_propagate_error(error, g_steal_pointer(&local));
				return false;
			}
			*ret = error_answer(request->eim_transaction_id,
				IPA_EUICC_DATA_ERROR_EUICC_CI_PK_ID_NOT_FOUND);
			return true;
		}
		const Certs *found = MSG_BODY(certs, GetCertsResponse)->certs;
		if (asked & ASKED_EUM_CERTIFICATE)
			data.eum_certificate = found->eum_certificate;
		if (asked & ASKED_EUICC_CERTIFICATE)
			data.euicc_certificate = found->euicc_certificate;
	}
	/* What is not there is left out. */
	snapshot = ipa->snapshot;
	if (asked & ASKED_DEFAULT_SMDP && snapshot->default_smdp[0])
		data.default_smdp_address = span_string(snapshot->default_smdp);
	if (asked & ASKED_ROOT_SMDS && snapshot->root_smds[0])
		data.root_smds_address = span_string(snapshot->root_smds);
	if (asked & ASKED_INFO1) {
		info1.raw = span_of(snapshot->euicc_info1);
		data.euicc_info1 = &info1;
	}
	if (asked & ASKED_INFO2) {
		info2.raw = span_of(snapshot->euicc_info2);
		data.euicc_info2 = &info2;
	}
	if (asked & ASKED_TOKEN) {
		const CardEim *eim = snapshot_eim(snapshot, eim_id);

		if (eim && eim->has_token)
			data.association_token = NUM(eim->association_token);
	}
	if (asked & ASKED_CAPABILITIES) {
		capabilities = ipa_capabilities();
		data.ipa_capabilities = &capabilities;
	}
	if (asked & ASKED_DEVICE_INFO) {
		ipa_device_info(ipa, &device);
		data.device_info = &device.info;
	}
	*ret = msg_encode(&IPA_EUICC_DATA_RESPONSE, &response, error);
	return *ret != NULL;
}

/* What the card would say tomorrow as well. */
static bool card_says_no(const GError *error)
{
	return sgp32_error_is(error, SGP32_ERROR_NOT_SUPPORTED) ||
		sgp32_error_is(error, SGP32_ERROR_CARD_REFUSED) ||
		sgp32_error_is(error, SGP32_ERROR_CARD_MALFORMED);
}

bool ipa_data(Ipa *ipa, const char *eim_id, Span request_bytes, GBytes **ret, GError **error)
{
	g_autoptr(Msg) message = NULL;
	g_autoptr(GError) local = NULL;

	message = msg_decode(&IPA_EUICC_DATA_REQUEST, request_bytes, &local);
	if (!message) {
		if (ipa->result && !ipa->result->verdict)
			sgp32_fail(&ipa->result->verdict, SGP32_ERROR_SERVER_MALFORMED,
				"IpaEuiccDataRequest: %s", local->message);
		*ret = error_answer((Span) { NULL, 0 }, IPA_EUICC_DATA_ERROR_UNDEFINED_ERROR);
		return true;
	}
	const IpaEuiccDataRequest *request = MSG_BODY(message, IpaEuiccDataRequest);
	if (collect(ipa, eim_id, request, ret, &local))
		return true;
	if (!card_says_no(local)) {
		g_propagate_error(error, g_steal_pointer(&local));
		return false;
	}
	if (ipa->result && !ipa->result->verdict)
		ipa->result->verdict = g_steal_pointer(&local);
	*ret = error_answer(request->eim_transaction_id, IPA_EUICC_DATA_ERROR_UNDEFINED_ERROR);
	return true;
}

IpaCapabilities ipa_capabilities(void)
{
	return (IpaCapabilities) {
		.ipa_features = NUM(IPA_FEATURE_DIRECT_RSP_SERVER_COMMUNICATION),
		.ipa_supported_protocols = NUM(IPA_RETRIEVE_HTTPS),
	};
}

const char *const *ipa_capability_words(void)
{
	static const char *const words[] = { "direct", "retrieve-https", NULL };

	return words;
}
