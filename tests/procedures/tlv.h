/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLVs put together in one expression: constructors take over their parts.
 */
#pragma once

#include "asn1/der.h"

/* A constructed TLV of parts, which are freed; the list ends with NULL. */
GBytes *tlv(uint32_t tag, ...) G_GNUC_NULL_TERMINATED;
GBytes *tlv_octets(uint32_t tag, Span value);
GBytes *tlv_text(uint32_t tag, const char *text);
GBytes *tlv_number(uint32_t tag, int64_t value);
GBytes *tlv_hex(const char *hex); /* anything, as it is */
GBytes *tlv_iccid(const char *digits);
/* The parts one after the other, freed with the array. */
GBytes *tlv_all(GPtrArray *parts);
/* A signature that nobody checks. */
GBytes *tlv_signature(void);
GBytes *tlv_concat(GBytes *a, GBytes *b);
/* A child that must be there. */
Tlv tlv_child(Span value, uint32_t tag);
