/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TLV of DER and of BER with definite lengths: a bounded reader and a writer. The reader is lenient
 * about non-minimal lengths and refuses indefinite ones; the writer is strict.
 *
 * Tags are written as their octets: 0x80, 0x30, 0x5F37, 0xBF51.
 */
#pragma once

#include "base/bytes.h"
#include "base/error.h"

typedef struct Tlv {
	uint32_t tag;
	Span value;
	Span whole; /* tag, length and value, as received */
} Tlv;

#define DER_CONSTRUCTED(tag) (der_first_octet(tag) & 0x20)

static inline uint8_t der_first_octet(uint32_t tag)
{
	while (tag > 0xff)
		tag >>= 8;
	return tag;
}

/* Takes the first TLV off *rest. Errors: InvalidArgument. *rest is untouched on failure. */
bool der_next(Span *rest, Tlv *ret, GError **error) SGP32_CHECK;
/* The whole input must be one TLV. */
bool der_single(Span input, Tlv *ret, GError **error) SGP32_CHECK;
/* The first direct child with that tag in the value of a constructed TLV; false if there is none or
 * the value is malformed before it. */
bool der_find(Span value, uint32_t tag, Tlv *ret);
/* How long the TLV that starts here says it is, header included; 0 while the header is incomplete,
 * SIZE_MAX if it is malformed. For assembling answers. */
size_t der_announced_size(Span start);
/* The number of octets of tag and length in front of the value of a well-formed TLV. */
size_t der_header_size(Span tlv);

void der_put_header(GByteArray *out, uint32_t tag, size_t size);
void der_put(GByteArray *out, uint32_t tag, Span value);
void der_put_integer(GByteArray *out, uint32_t tag, int64_t value);
/* A TLV around what is already in content; content is emptied and freed. */
void der_put_wrapped(GByteArray *out, uint32_t tag, GByteArray *content);
/* The same TLV under another tag: certificates and keys that lost their 30 to an implicit tag. */
GBytes *der_retag(Span tlv, uint32_t tag);

/* Dotted text of OID content octets, NULL if malformed; and back, NULL if not an OID. */
char *der_oid_to_text(Span oid);
GBytes *der_oid_from_text(const char *text);
