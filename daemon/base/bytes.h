/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Byte strings: the borrowed view (Span), hex and BCD.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A borrowed run of octets. data == NULL means "absent"; an empty but present string has data != NULL. */
typedef struct Span {
	const uint8_t *data;
	size_t size;
} Span;

#define SPAN_LITERAL(s) ((Span) { (const uint8_t *)("" s), sizeof(s) - 1 })
#define SPAN_ARRAY(a) ((Span) { (a), sizeof(a) })

static inline Span span(const void *data, size_t size)
{
	return (Span) { data, size };
}

static inline Span span_string(const char *s)
{
	return s ? (Span) { (const uint8_t *)s, __builtin_strlen(s) } : (Span) { NULL, 0 };
}

Span span_of(GBytes *bytes);
Span span_of_array(const GByteArray *array);
bool span_equal(Span a, Span b);
bool span_starts(Span whole, Span prefix);
GBytes *span_to_bytes(Span s);
/* A NUL-terminated copy; NULL for an absent span or one with a NUL octet inside. */
char *span_to_string(Span s);
void array_append_span(GByteArray *array, Span s);

/* Lower-case hex, NUL-terminated; "" for an empty span. */
char *hex_encode(Span s);
/* White space between octets is skipped. NULL if not hex, of odd length, or longer than max octets. */
GBytes *hex_decode(const char *text, size_t max);

/* EID (16 octets, plain BCD) as 32 digits; SGP.22 4.3.1. */
char *eid_to_text(Span eid);
/* 32 decimal digits whose value modulo 97 is 1. The check digits are demanded only if check is true. */
bool eid_from_text(const char *text, bool check, uint8_t ret_eid[16]);
bool eid_check_digits(Span eid);

/* ICCID (10 octets, nibble-swapped, F padded) as digits without padding. */
char *iccid_to_text(Span iccid);
bool iccid_from_text(const char *text, uint8_t ret_iccid[10]);

/* Nibble-swapped BCD of any length, as in IMEI and TAC; stops at F. */
char *bcd_swapped_to_text(Span bcd);

/* Overwrites before freeing, in a way that the compiler keeps. */
void wipe(void *data, size_t size);
void wipe_string(char *text);
void wipe_free(char *text);
void wipe_bytes_unref(GBytes *bytes);
