/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>

#include "asn1/esipa.h"
#include "card/es10.h"
#include "ipa/ipa.h"

/* All that an answer points to. */
typedef struct Parts {
	IpaEuiccData data;
	IpaCapabilities capabilities;
	DeviceInfo device;
	DeviceCapabilities device_capabilities;
	uint8_t tac[4], imei[8];
	EuiccInfo1 info1;
	EuiccInfo2 info2;
	g_autoptr(Msg) notifications;
} Parts;

GBytes *ipa_capabilities(void)
{
	IpaCapabilities capabilities = {
		.ipa_features = NUM(IPA_FEATURE_DIRECT_RSP_SERVER_COMMUNICATION),
		.ipa_supported_protocols = NUM(IPA_RETRIEVE_HTTPS),
	};

	return msg_encode_own(&IPA_CAPABILITIES, &capabilities);
}

const char *const *ipa_capability_words(void)
{
	static const char *const words[] = { "direct", "retrieve-https", NULL };

	return words;
}
