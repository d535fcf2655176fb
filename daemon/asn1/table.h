/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words in which the message tables are written. Only for the files that define MsgTypes.
 */
#pragma once

#include "asn1/msg.h"

/* offsetof, but it does not compile if the member has another type. */
#define MEMBER(Struct, member, Type)                                                               \
	(offsetof(Struct, member) +                                                                \
		0 *                                                                                \
			sizeof(char[__builtin_types_compatible_p(                                  \
					    __typeof__(((Struct *)0)->member), Type)               \
					? 1                                                        \
					: -1]))
/* The same for a pointer to a struct. */
#define POINTER(Struct, member) (offsetof(Struct, member) + 0 * sizeof(*((Struct *)0)->member))

#define OPTIONAL .optional = true
/* Also accepted when decoding. */
#define ALSO(tag_) .alt_tag = (tag_)
#define AT_MOST(count) .max = (count)
#define DEFAULT(value_) .optional = true, .has_default = true, .default_value = (value_)

#define FIELD(word, tag_, kind_, offset_, ...)                                                     \
	{                                                                                          \
		.name = (word), .tag = (tag_), .kind = (kind_), .offset = (offset_), __VA_ARGS__   \
	}
#define OCTETS(Struct, member, word, tag_, min_, max_, ...)                                        \
	FIELD(word, tag_, MSG_OCTETS, MEMBER(Struct, member, Span), .min = (min_), .max = (max_),  \
		__VA_ARGS__)
#define TEXT(Struct, member, word, tag_, min_, max_, ...)                                          \
	FIELD(word, tag_, MSG_UTF8, MEMBER(Struct, member, Span), .min = (min_), .max = (max_),    \
		__VA_ARGS__)
/* A name that is shown to people and serves nothing else: one bad octet does not cost the whole list. */
#define NAME(Struct, member, word, tag_, min_, max_, ...)                                          \
	TEXT(Struct, member, word, tag_, min_, max_, .any_text = true, __VA_ARGS__)
#define OID(Struct, member, word, tag_, ...)                                                       \
	FIELD(word, tag_, MSG_OID, MEMBER(Struct, member, Span), .min = 1, .max = 64, __VA_ARGS__)
#define RAW(Struct, member, word, tag_, max_, ...)                                                 \
	FIELD(word, tag_, MSG_RAW, MEMBER(Struct, member, Span), .max = (max_), __VA_ARGS__)
#define INTEGER(Struct, member, word, tag_, ...)                                                   \
	FIELD(word, tag_, MSG_INTEGER, MEMBER(Struct, member, Num), __VA_ARGS__)
#define BOOLEAN(Struct, member, word, tag_, ...)                                                   \
	FIELD(word, tag_, MSG_BOOLEAN, MEMBER(Struct, member, Num), __VA_ARGS__)
/* NULL, and SEQUENCEs that have no members. */
#define EMPTY(Struct, member, word, tag_, ...)                                                     \
	FIELD(word, tag_, MSG_NULL, MEMBER(Struct, member, Num), __VA_ARGS__)
#define BITS(Struct, member, word, tag_, ...)                                                      \
	FIELD(word, tag_, MSG_BITS, MEMBER(Struct, member, Num), __VA_ARGS__)
#define NESTED(Struct, member, word, tag_, type_, ...)                                             \
	FIELD(word, tag_, MSG_NESTED, POINTER(Struct, member), .type = &(type_), __VA_ARGS__)
#define LIST(Struct, member, word, tag_, element_, ...)                                            \
	FIELD(word, tag_, MSG_LIST, MEMBER(Struct, member, List), .element = &(element_),          \
		__VA_ARGS__)

#define SEQUENCE(Type, tag_, fields_)                                                              \
	{                                                                                          \
		.name = #Type, .tag = (tag_), .size = sizeof(Type), MSG_FIELDS(fields_)            \
	}
/* With `Span raw` as the first member. */
#define SEQUENCE_KEPT(Type, tag_, fields_)                                                         \
	{                                                                                          \
		.name = #Type, .tag = (tag_), .size = sizeof(Type), MSG_FIELDS(fields_),           \
		.keep = offsetof(Type, raw) == 0                                                   \
	}
#define CHOICE(Type, tag_, fields_)                                                                \
	{                                                                                          \
		.name = #Type, .choice = true, .tag = (tag_), .size = sizeof(Type),                \
		MSG_FIELDS(fields_)                                                                \
	}
#define CHOICE_KEPT(Type, tag_, fields_)                                                           \
	{                                                                                          \
		.name = #Type, .choice = true, .tag = (tag_), .size = sizeof(Type),                \
		MSG_FIELDS(fields_), .keep = offsetof(Type, raw) == 0                              \
	}
/* A request without members: its body is NULL. */
#define SEQUENCE_EMPTY(name_, tag_)                                                                \
	{                                                                                          \
		.name = (name_), .tag = (tag_)                                                     \
	}

/* Bounds for what the specification leaves open, in octets. */
#define ADDRESS_MAX 512 /* an FQDN with a port */
#define SIGNATURE_MAX 256
#define KEY_ID_MAX 64
#define CERTIFICATE_MAX 16384
#define SIMA_MAX 32768
