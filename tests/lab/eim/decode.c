/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Results of eUICC packages in words (SGP.32 2.11.2). */
#include "lab/eim/eim.h"

#include "asn1/package.h"

typedef struct Code {
	int value;
	const char *text;
} Code;

static const Code enable_codes[] = { { 1, "iccidOrAidNotFound" },
	{ 2, "profileNotInDisabledState" }, { 3, "disallowedByPolicy" }, { 5, "catBusy" },
	{ 20, "rollbackNotAvailable" }, { 0, NULL } };
static const Code disable_codes[] = { { 1, "iccidOrAidNotFound" },
	{ 2, "profileNotInEnabledState" }, { 3, "disallowedByPolicy" }, { 5, "catBusy" },
	{ 0, NULL } };
static const Code delete_codes[] = { { 1, "iccidOrAidNotFound" },
	{ 2, "profileNotInDisabledState" }, { 3, "disallowedByPolicy" },
	{ 20, "rollbackNotAvailable" }, { 21, "returnFallbackProfile" }, { 0, NULL } };
static const Code list_codes[] = { { 1, "incorrectInputValues" }, { 11, "profileChangeOngoing" },
	{ 0, NULL } };
static const Code immediate_codes[] = { { 1, "insufficientMemory" }, { 7, "commandError" },
	{ 0, NULL } };
static const Code add_codes[] = { { 1, "insufficientMemory" }, { 2, "associatedEimAlreadyExists" },
	{ 3, "ciPKUnknown" }, { 5, "invalidAssociationToken" }, { 6, "counterValueOutOfRange" },
	{ 7, "commandError" }, { 0, NULL } };
static const Code delete_eim_codes[] = { { 1, "eimNotFound" }, { 2, "lastEimDeleted" },
	{ 7, "commandError" }, { 0, NULL } };
static const Code update_codes[] = { { 1, "eimNotFound" }, { 3, "ciPKUnknown" },
	{ 6, "counterValueOutOfRange" }, { 7, "commandError" }, { 0, NULL } };
static const Code set_fallback_codes[] = { { 1, "iccidOrAidNotFound" }, { 2, "fallbackNotAllowed" },
	{ 3, "fallbackProfileEnabled" }, { 0, NULL } };
static const Code unset_fallback_codes[] = { { 2, "noFallbackAttribute" },
	{ 3, "fallbackProfileEnabled" }, { 7, "commandError" }, { 0, NULL } };
static const Code terminated_codes[] = { { 1, "resultSizeOverflow" },
	{ 2, "unknownOrDamagedCommand" }, { 3, "interruption" }, { 0, NULL } };
static const Code package_codes[] = { { 3, "invalidEid" }, { 4, "replayError" },
	{ 6, "counterValueOutOfRange" }, { 15, "sizeOverflow" }, { 104, "ecallActive" },
	{ 0, NULL } };
static const Code data_codes[] = { { 1, "incorrectTagList" }, { 5, "euiccCiPKIdNotFound" },
	{ 104, "ecallActive" }, { 0, NULL } };
static const Code response_codes[] = { { 1, "invalidPackageFormat" }, { 2, "unknownPackage" },
	{ 0, NULL } };
static const Code trigger_codes[] = { { 104, "ecallActive" }, { 0, NULL } };
static const Code plain_codes[] = { { 0, NULL } };

static const struct {
	const char *operation;
	const Code *codes;
} operations[] = {
	{ "enable", enable_codes },
	{ "disable", disable_codes },
	{ "delete", delete_codes },
	{ "list", list_codes },
	{ "configure-immediate-enable", immediate_codes },
	{ "add-eim", add_codes },
	{ "delete-eim", delete_eim_codes },
	{ "update-eim", update_codes },
	{ "list-eim", plain_codes },
	{ "rollback", plain_codes },
	{ "set-fallback", set_fallback_codes },
	{ "unset-fallback", unset_fallback_codes },
	{ "set-default-dp", plain_codes },
	{ "processing-terminated", terminated_codes },
	{ "package", package_codes },
	{ "data-request", data_codes },
	{ "response", response_codes },
	{ "download", trigger_codes },
};

const char *decode_code(const char *operation, int64_t code)
{
	if (code == 0)
		return "ok";
	for (size_t i = 0; i < G_N_ELEMENTS(operations); i++) {
		if (!g_str_equal(operations[i].operation, operation))
			continue;
		for (const Code *c = operations[i].codes; c->text; c++)
			if (c->value == code)
				return c->text;
	}
	return "undefinedError";
}

static json_t *coded(const char *operation, Num code, bool *ret_ok)
{
	json_t *json = json_object();
	/* lastEimDeleted is a success */
	bool ok = code.value == 0 || (g_str_equal(operation, "delete-eim") && code.value == 2);

	state_set_string(json, "operation", operation);
	state_set_integer(json, "code", code.value);
	state_set_string(json, "result", decode_code(operation, code.value));
	if (!ok || g_str_equal(operation, "processing-terminated"))
		*ret_ok = false;
	return json;
}

static void set_text(json_t *json, const char *key, Span text)
{
	g_autofree char *string = span_to_string(text);

	state_set_string(json, key, string);
}

static json_t *decode_profile(const ProfileInfo *info)
{
	static const char *const classes[] = { "test", "provisioning", "operational" };
	json_t *json = json_object();

	if (info->iccid.data) {
		g_autofree char *iccid = iccid_to_text(info->iccid);

		state_set_string(json, "iccid", iccid);
	}
	if (info->isdp_aid.data) {
		g_autofree char *aid = hex_encode(info->isdp_aid);

		state_set_string(json, "aid", aid);
	}
	if (info->profile_state.present)
		state_set_string(
			json, "state", info->profile_state.value == 1 ? "enabled" : "disabled");
	set_text(json, "nickname", info->profile_nickname);
	set_text(json, "spn", info->service_provider_name);
	set_text(json, "name", info->profile_name);
	if (info->profile_class.present && info->profile_class.value >= 0 &&
		info->profile_class.value < 3)
		state_set_string(json, "class", classes[info->profile_class.value]);
	if (info->profile_policy_rules.present)
		state_set_integer(json, "policyRules", info->profile_policy_rules.value);
	if (info->fallback_attribute.present)
		state_set_flag(json, "fallback", info->fallback_attribute.value);
	if (info->fallback_allowed.present)
		state_set_flag(json, "fallbackAllowed", info->fallback_allowed.value);
	if (info->ecall_indication.present)
		state_set_flag(json, "ecall", info->ecall_indication.value);
	return json;
}

static json_t *decode_profiles(
	const ProfileInfoListResponse *response, bool *ret_ok, json_t *device)
{
	json_t *json, *list;

	if (response->profile_info_list_error.present)
		return coded("list", response->profile_info_list_error, ret_ok);
	json = coded("list", NUM(0), ret_ok);
	list = state_array(json, "profiles");
	for (size_t i = 0; i < response->profile_info_list_ok.count; i++)
		json_array_append_new(list,
			decode_profile(LIST_AT(response->profile_info_list_ok, ProfileInfo, i)));
	if (device)
		json_object_set(device, "profiles", list);
	return json;
}

static json_t *decode_list_eim(const ListEimResult *result, bool *ret_ok)
{
	json_t *json, *list;

	if (result->list_eim_error.present)
		return coded("list-eim", result->list_eim_error, ret_ok);
	json = coded("list-eim", NUM(0), ret_ok);
	list = state_array(json, "eims");
	for (size_t i = 0; i < result->eim_id_list.count; i++) {
		const EimIdInfo *info = LIST_AT(result->eim_id_list, EimIdInfo, i);
		json_t *entry = json_object();

		set_text(entry, "eimId", info->eim_id);
		if (info->eim_id_type.present)
			state_set_integer(entry, "type", info->eim_id_type.value);
		json_array_append_new(list, entry);
	}
	return json;
}

static json_t *decode_add_eim(const AddEimResult *result, bool *ret_ok)
{
	json_t *json;

	if (result->add_eim_result_code.present)
		return coded("add-eim", result->add_eim_result_code, ret_ok);
	json = coded("add-eim", NUM(0), ret_ok);
	state_set_integer(json, "token", result->association_token.value);
	return json;
}

static json_t *decode_raw(const char *operation, Span octets)
{
	json_t *json = json_object();
	g_autofree char *hex = hex_encode(octets);

	state_set_string(json, "operation", operation);
	state_set_string(json, "octets", hex);
	return json;
}

json_t *decode_result(Span element, bool *ret_ok, json_t *device)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Msg) msg = msg_decode(&EUICC_RESULT_DATA, element, &error);
	const EuiccResultData *data;
	json_t *json;

	if (!msg) {
		*ret_ok = false;
		json = decode_raw("malformed", element);
		state_set_string(json, "result", error->message);
		return json;
	}
	data = MSG_BODY(msg, EuiccResultData);
	const struct {
		const char *operation;
		Num code;
	} codes[] = {
		{ "enable", data->enable_result },
		{ "disable", data->disable_result },
		{ "delete", data->delete_result },
		{ "configure-immediate-enable", data->configure_immediate_enable_result },
		{ "delete-eim", data->delete_eim_result },
		{ "update-eim", data->update_eim_result },
		{ "rollback", data->rollback_result },
		{ "set-fallback", data->set_fallback_attribute_result },
		{ "unset-fallback", data->unset_fallback_attribute_result },
		{ "processing-terminated", data->processing_terminated },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
		if (codes[i].code.present)
			return coded(codes[i].operation, codes[i].code, ret_ok);
	if (data->list_profile_info_result)
		return decode_profiles(data->list_profile_info_result, ret_ok, device);
	if (data->list_eim_result)
		return decode_list_eim(data->list_eim_result, ret_ok);
	if (data->add_eim_result)
		return decode_add_eim(data->add_eim_result, ret_ok);
	if (data->set_default_dp_address_result)
		return coded("set-default-dp",
			data->set_default_dp_address_result->set_default_dp_address_result, ret_ok);
	if (data->get_rat_result.items)
		return decode_raw("get-rat", element);
	*ret_ok = false;
	return decode_raw("unknown", element);
}

char *decode_line(json_t *decoded)
{
	const char *result = state_string(decoded, "result");
	json_t *list = json_object_get(decoded, "profiles"), *item;
	GString *text = g_string_new(state_string(decoded, "operation"));
	size_t i;

	if (result)
		g_string_append_printf(text, ": %s", result);
	json_array_foreach(list, i, item)
	{
		g_string_append_printf(text, "\n      %s %s %s",
			state_string(item, "iccid") ? state_string(item, "iccid") : "-",
			state_string(item, "state") ? state_string(item, "state") : "-",
			state_string(item, "name") ? state_string(item, "name") : "");
	}
	json_array_foreach(json_object_get(decoded, "eims"), i, item)
	{
		g_string_append_printf(text, "\n      %s", state_string(item, "eimId"));
	}
	if (json_object_get(decoded, "token"))
		g_string_append_printf(text, ", token %d", (int)state_integer(decoded, "token"));
	return g_string_free(text, FALSE);
}
