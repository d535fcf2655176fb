/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protection of the segments of a bound profile package ("BSP", SCP03t with AES-128; SGP.22 5.5, digest
 * 8.2 and 8.3). One Bsp is the state of one side; both sides step through the same segments.
 */
#pragma once

#include "asn1/der.h"

/* The longest segment, with tag, length and MAC, and the most plain octets that fit in one. */
#define BSP_SEGMENT_MAX 1020
#define BSP_PLAIN_MAX_ENCRYPTED 1007
#define BSP_PLAIN_MAX_MAC_ONLY 1008
/* What a receiver accepts: one deployed server cuts a little longer. */
#define BSP_SEGMENT_ACCEPTED 1040

#define BSP_KEY_TYPE_AES 0x88
#define BSP_KEY_LENGTH 0x10

typedef struct Bsp {
	uint8_t s_enc[16], s_mac[16];
	uint8_t chain[16]; /* MAC chaining value */
	uint32_t n; /* counter of segments, from 1 */
} Bsp;

/* Why a segment was refused: the two reasons of ProfileInstallationResult. */
typedef enum BspFault {
	BSP_FAULT_NONE = 0,
	BSP_FAULT_STRUCTURE = 7, /* scp03tStructureError */
	BSP_FAULT_SECURITY = 8, /* scp03tSecurityError */
} BspFault;

/* z: 32 octets of ECDH; host_id: 1..16 octets; eid: 16 octets. */
void bsp_derive(Bsp *bsp, Span z, Span host_id, Span eid);
/* ReplaceSessionKeys: the segments 86 that follow are protected with these. */
void bsp_replace_keys(
	Bsp *bsp, const uint8_t initial_mcv[16], const uint8_t enc[16], const uint8_t cmac[16]);
/* tag 87 or 86: encrypted and MACed; 88: MACed only. One TLV is appended to out. */
void bsp_protect(Bsp *bsp, uint32_t tag, Span plain, GByteArray *out);
/* The plain octets of one TLV of that tag. *ret_fault may be NULL; the state moves on only on success.
 * Errors: SignatureInvalid (security), InvalidArgument (structure). */
GBytes *bsp_unprotect(
	Bsp *bsp, uint32_t tag, Span tlv, BspFault *ret_fault, GError **error) SGP32_CHECK;
