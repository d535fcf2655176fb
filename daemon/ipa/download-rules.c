/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include <openssl/x509v3.h>

#include "card/es10.h"
#include "ipa/ipa.h"

bool ipa_certificate_has_oid(Span certificate, const char *oid)
{
	const unsigned char *at = certificate.data;
	X509 *x509 = d2i_X509(NULL, &at, certificate.size);
	GENERAL_NAMES *names =
		x509 ? X509_get_ext_d2i(x509, NID_subject_alt_name, NULL, NULL) : NULL;
	bool found = false;

	for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		char text[128];

		found = name->type == GEN_RID &&
			OBJ_obj2txt(text, sizeof(text), name->d.registeredID, 1) > 0 &&
			strcmp(text, oid) == 0;
	}
	GENERAL_NAMES_free(names);
	X509_free(x509);
	return found;
}

static bool nibbles_match(Span pattern, Span value)
{
	if (pattern.size != value.size)
		return false;
	for (size_t i = 0; i < pattern.size; i++) {
		uint8_t p = pattern.data[i], v = value.data[i];

		/* E stands for any digit (SGP.22 2.4a.1). */
		if (((p >> 4) != 0xe && (p >> 4) != (v >> 4)) ||
			((p & 15) != 0xe && (p & 15) != (v & 15)))
			return false;
	}
	return true;
}

/* Absent: the profile must have none; empty: any. */
static bool gid_matches(Span rule, Span value)
{
	if (!rule.data)
		return value.data == NULL || value.size == 0;
	return rule.size == 0 || span_equal(rule, value);
}

static bool operator_allowed(const ProfilePolicyAuthorisationRule *rule, const OperatorId *owner)
{
	for (size_t i = 0; i < rule->allowed_operators.count; i++) {
		const OperatorId *allowed = LIST_AT(rule->allowed_operators, OperatorId, i);
		static const uint8_t anybody[3] = { 0xee, 0xee, 0xee };

		if (!owner) {
			if (span_equal(allowed->mcc_mnc, SPAN_ARRAY(anybody)))
				return true;
			continue;
		}
		if (nibbles_match(allowed->mcc_mnc, owner->mcc_mnc) &&
			gid_matches(allowed->gid1, owner->gid1) &&
			gid_matches(allowed->gid2, owner->gid2))
			return true;
	}
	return false;
}

/* Each rule of the profile needs an entry of the table that has it and the profile's owner. */
bool ipa_check_policy_rules(
	Ipa *ipa, const StoreMetadataRequest *metadata, bool *ret_consent, GError **error)
{
	int64_t rules = metadata->profile_policy_rules.value & ~(int64_t)PPR_UPDATE_CONTROL;
	g_autoptr(Msg) message = NULL;

	*ret_consent = false;
	if (rules == 0)
		return true;
	if (rules & ~(int64_t)(PPR_1 | PPR_2))
		return sgp32_fail(error, SGP32_ERROR_PROFILE_POLICY_RULE,
			"The profile has policy rules that this device does not know");
	if (!es10_get_rat(ipa->isdr, &message, error))
		return false;
	List rat = MSG_BODY(message, GetRatResponse)->rat;
	for (int64_t rule = PPR_1; rule <= PPR_2; rule <<= 1) {
		const ProfilePolicyAuthorisationRule *entry = NULL;

		if (!(rules & rule))
			continue;
		for (size_t i = 0; i < rat.count && !entry; i++) {
			const ProfilePolicyAuthorisationRule *at =
				LIST_AT(rat, ProfilePolicyAuthorisationRule, i);

			if (at->ppr_ids.value & rule &&
				operator_allowed(at, metadata->profile_owner))
				entry = at;
		}
		if (!entry)
			return sgp32_fail(error, SGP32_ERROR_PROFILE_POLICY_RULE,
				"The card does not allow policy rule PPR%d to this operator",
				rule == PPR_1 ? 1 : 2);
		if (entry->ppr_flags.value & PPR_FLAG_CONSENT_REQUIRED)
			*ret_consent = true;
	}
	if (rules & PPR_1) {
		if (!ipa_read_profiles(ipa, error))
			return false;
		for (guint i = 0; i < ipa->snapshot->profiles->len; i++)
			if (((CardProfile *)ipa->snapshot->profiles->pdata[i])->class ==
				PROFILE_OPERATIONAL)
				return sgp32_fail(error, SGP32_ERROR_PROFILE_POLICY_RULE,
					"PPR1 is not allowed beside an operational profile");
	}
	return true;
}
