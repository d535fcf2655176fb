/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/notice.h"

#include "asn1/der.h"

#define SIGNATURE_SIZE 64

bool notice_integer(Span value, int64_t *ret)
{
	int64_t number;

	if (value.size == 0 || value.size > 8)
		return false;
	number = value.data[0] & 0x80 ? -1 : 0;
	for (size_t i = 0; i < value.size; i++)
		number = (int64_t)((uint64_t)number << 8 | value.data[i]);
	*ret = number;
	return true;
}

bool notice_signature(Span parent, Span *ret)
{
	Tlv tlv;

	if (!der_find(parent, 0x5F37, &tlv) || tlv.value.size != SIGNATURE_SIZE)
		return false;
	*ret = tlv.value;
	return true;
}

static const char *event_word(Span bits)
{
	static const char *const words[] = { "install", "enable", "disable", "delete" };

	for (int i = 0; i < 4; i++)
		if (bits.size >= 2 && bits.data[1] & 0x80 >> i)
			return words[i];
	return "unknown";
}

bool notice_metadata(json_t *entry, Span value)
{
	Tlv seq, event, address, iccid;
	g_autofree char *text = NULL;
	int64_t number;

	if (!der_find(value, 0x80, &seq) || !notice_integer(seq.value, &number) ||
		!der_find(value, 0x81, &event) || !der_find(value, 0x0C, &address))
		return false;
	text = span_to_string(address.value);
	state_set_integer(entry, "seq", number);
	state_set_string(entry, "event", event_word(event.value));
	state_set_string(entry, "address", text);
	if (der_find(value, 0x5A, &iccid) && iccid.value.size == 10) {
		g_autofree char *digits = iccid_to_text(iccid.value);

		state_set_string(entry, "iccid", digits);
	}
	return true;
}

static const char *const reasons[] = { "?", "incorrectInputValues", "invalidSignature",
	"invalidTransactionId", "unsupportedCrtValues", "unsupportedRemoteOperationType",
	"unsupportedProfileClass", "scp03tStructureError", "scp03tSecurityError",
	"iccidAlreadyExistsOnEuicc", "insufficientMemory", "interruption", "peProcessingError",
	"dataMismatch", "testProfileInvalidNaaKey", "pprNotAllowed" };

static const char *const commands[] = { "initialiseSecureChannel", "configureISDP", "storeMetadata",
	"storeMetadata2", "replaceSessionKeys", "loadProfileElements" };

static char *error_text(Span arm)
{
	int64_t command = -1, reason = -1;
	Tlv tlv;

	if (der_find(arm, 0x80, &tlv))
		(void)notice_integer(tlv.value, &command);
	if (der_find(arm, 0x81, &tlv))
		(void)notice_integer(tlv.value, &reason);
	return g_strdup_printf("%s (%d) in %s (%d)",
		reason > 0 && reason < (int64_t)G_N_ELEMENTS(reasons) ? reasons[reason]
								      : "undefinedError",
		(int)reason,
		command >= 0 && command < (int64_t)G_N_ELEMENTS(commands) ? commands[command] : "?",
		(int)command);
}

bool notice_pir(Span value, NoticePir *ret)
{
	Tlv data, transaction, metadata, oid, result, arm;
	Span signature;
	bool ok;

	if (!der_find(value, 0xBF27, &data) || !notice_signature(value, &signature) ||
		!der_find(data.value, 0x80, &transaction) ||
		!der_find(data.value, 0xBF2F, &metadata) || !der_find(data.value, 0x06, &oid) ||
		!der_find(data.value, 0xA2, &result))
		return false;
	ok = der_find(result.value, 0xA0, &arm);
	if (!ok && !der_find(result.value, 0xA1, &arm))
		return false;
	*ret = (NoticePir) {
		.data = data.whole,
		.signature = signature,
		.transaction_id = transaction.value,
		.smdp_oid = oid.value,
		.metadata = metadata.value,
		.ok = ok,
		.error = ok ? NULL : error_text(arm.value),
	};
	return true;
}

void notice_pir_clear(NoticePir *pir)
{
	g_clear_pointer(&pir->error, g_free);
}
