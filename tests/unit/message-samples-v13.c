/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "message-samples.h"

#include "asn1/esipa.h"

const MsgSample samples_v13[] = {
	{
		&EUICC_INFO2,
		"- 010300|fallbackAllowedUpdateSupported: present|"
		"euiccMinimumSecurityLevel: 2",
		"bf226e810302030182030202028303010203840d8101008204000000008302ffff85020780880204"
		"90a9160414f54172bdf98a95d65cbeb88a38a1c11d800a85c3aa160414f54172bdf98a95d65cbeb8"
		"8a38a1c11d800a85c304030100000c00900100b409a00504030103008300950102",
	},
	{
		&PROFILE_INFO_LIST_REQUEST,
		"iotSpecificTagList: 80",
		"bf2d065c015a5d0180",
	},
	{
		&PROFILE_INFO,
		"iotSpecificProfileInfo: bf6403800101",
		"e3125a0a981032547698103214f5bf6403800101",
	},
	{
		&STORE_METADATA_REQUEST,
		"iotSpecificMetadata: bf6403800101",
		"bf25185a0a981032547698103214f5910141920142bf6403800101",
	},
	{
		&UPDATE_METADATA_REQUEST,
		"fallbackAllowed: true",
		"bf2a049f6701ff",
	},
	{
		&PENDING_NOTIFICATION,
		"euiccCiPKIdentifierToBeUsed: f54172bdf98a95d65cbeb88a38a1c11d800a85c3",
		"a181905a1089049032123451234512345678901235bf2f2280010a810205200c0d736d64702e6c61"
		"622e746573745a0a981032547698103214f55f3740000102030405060708090a0b0c0d0e0f101112"
		"131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a"
		"3b3c3d3e3f0414f54172bdf98a95d65cbeb88a38a1c11d800a85c3",
	},
	{
		&EIM_CONFIGURATION_DATA,
		"eSipaProprietaryProtocolInformation: aa030401aa",
		"300b800465696d31aa030401aa",
	},
	{
		&EUICC_PACKAGE_RESULT,
		"associationToken: 5|euiccPackageUnsignedErrorCode: 15",
		"bf510ea20c800465696d318401058f010f",
	},
	{
		&IPA_CAPABILITIES,
		"ipaSupportedProtocols: 4|eSipaProprietaryProtocolInformation: a2030401aa",
		"300d8002078081020308a2030401aa",
	},
	{
		&AUTHENTICATE_CLIENT_RESPONSE_ESIPA,
		"authenticateClientErrorEsipa: 18",
		"bf3b03820112",
	},
};
const size_t n_samples_v13 = G_N_ELEMENTS(samples_v13);
