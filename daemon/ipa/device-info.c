/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "ipa/ipa.h"

/* Nibble-swapped BCD, F at the end of an odd number of digits (TS 23.003, SGP.22 4.2). */
static void put_digits(uint8_t *to, size_t size, const char *digits)
{
	memset(to, 0xff, size);
	for (size_t i = 0; i < size * 2 && g_ascii_isdigit(digits[i]); i++) {
		uint8_t digit = digits[i] - '0';

		to[i / 2] = i % 2 ? (to[i / 2] & 0x0f) | digit << 4 : (to[i / 2] & 0xf0) | digit;
	}
}

void ipa_device_info(Ipa *ipa, IpaDevice *ret)
{
	static const uint8_t release15[3] = { 15, 0, 0 }, svn[3] = { 2, 5, 0 };
	Card *card = isdr_card(ipa->isdr);
	TransportFacts facts = { 0 };

	memset(ret, 0, sizeof(*ret));
	if (card->ops->facts && card->ops->facts(card->self, &facts, NULL) &&
		strlen(facts.imei) >= 14) {
		put_digits(ret->tac, sizeof(ret->tac), facts.imei);
		put_digits(ret->imei, sizeof(ret->imei), facts.imei);
		ret->info.imei = SPAN_ARRAY(ret->imei);
	}
	ret->capabilities.eutran_epc_supported_release = SPAN_ARRAY(release15);
	ret->capabilities.lpa_svn = SPAN_ARRAY(svn);
	ret->info.tac = SPAN_ARRAY(ret->tac);
	ret->info.device_capabilities = &ret->capabilities;
}
