/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages as tables: one MsgType beside each struct says tag, field, kind and whether it is optional;
 * one reader and one writer serve all of them.
 *
 * Members of the structs:
 *   Span         octet strings, text, OIDs, and whole TLVs (MSG_RAW); data == NULL means absent
 *   Num          integers, booleans, NULL, named bits (bit n = 1 << n)
 *   const X *    a nested SEQUENCE or CHOICE; NULL means absent
 *   List         SEQUENCE OF; items == NULL means absent; an empty list has items != NULL
 * A CHOICE is a struct of which exactly one member is present.
 *
 * Decoding is lenient: unknown tags are skipped, fields may come in any order, integers and lengths need
 * not be minimal. It is bounded: depth, counts and sizes have limits. Encoding is strict DER.
 */
#pragma once

#include "asn1/der.h"

typedef struct Num {
	bool present;
	int64_t value;
} Num;

#define NUM(v) ((Num) { true, (v) })

typedef struct List {
	size_t count;
	const void *items; /* count members, one after the other */
} List;

#define LIST_OF(array) ((List) { G_N_ELEMENTS(array), (array) })
#define LIST_EMPTY ((List) { 0, "" })
#define LIST_AT(list, Type, i) (&((const Type *)(list).items)[i])

typedef enum MsgKind {
	MSG_OCTETS, /* Span; min and max in octets */
	MSG_UTF8, /* Span; min and max in octets */
	MSG_OID, /* Span of the content octets */
	MSG_RAW, /* Span of the whole TLV, tag included, as received; tag 0: any TLV */
	MSG_INTEGER, /* Num */
	MSG_BOOLEAN, /* Num, 0 or 1 */
	MSG_NULL, /* Num, value 1 when present; also for a SEQUENCE without members */
	MSG_BITS, /* Num, bit n of the BIT STRING = 1 << n; at most 56 bits */
	MSG_NESTED, /* const struct *, of type */
	MSG_LIST, /* List; min and max in elements */
} MsgKind;

typedef struct MsgType MsgType;
typedef struct MsgField MsgField;

struct MsgField {
	const char *name; /* the specification's word */
	uint32_t tag; /* 0: the tag of the type itself, or the tags of an untagged CHOICE */
	uint32_t alt_tag; /* also accepted when decoding: seen in the field */
	MsgKind kind;
	bool optional;
	bool any_text; /* MSG_UTF8 for people: read whatever it is; g_utf8_make_valid() before showing it */
	/* Num: an absent member has this value, which is never encoded. */
	bool has_default;
	int64_t default_value;
	size_t offset;
	uint32_t min, max; /* max 0: the limit of the reader */
	const MsgType *type; /* MSG_NESTED */
	const MsgField *element; /* MSG_LIST; its offset and name are not used */
};

struct MsgType {
	const char *name;
	/* If the last alternative is MSG_RAW with tag 0, it also takes what one of the others cannot be read
	 * from: lists of commands, of which one may be unknown or damaged. */
	bool choice;
	/* Own tag. For a CHOICE 0 means none; otherwise it is explicit around the arm. A field's tag
	 * takes its place. */
	uint32_t tag;
	/* The first member is a Span that holds the TLV as received, and is written in place of the
	 * members when it is set: for everything that is signed. */
	bool keep;
	size_t size;
	const MsgField *fields;
	size_t n_fields;
};

#define MSG_DEPTH_MAX 20
#define MSG_LIST_MAX 1024

/* A decoded message: it holds a copy of the input, to which all its Spans point. */
typedef struct Msg Msg;

/* The input must be exactly one TLV of that type. Errors: InvalidArgument, with the path of the field. */
Msg *msg_decode(const MsgType *type, Span input, GError **error) SGP32_CHECK;
void msg_free(Msg *msg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Msg, msg_free)

const void *msg_body(const Msg *msg);
#define MSG_BODY(msg, Type) ((const Type *)msg_body(msg))
/* The message as received. */
Span msg_bytes(const Msg *msg);

/* Errors: InvalidArgument if a member that must be there is absent or out of its bounds. */
GBytes *msg_encode(const MsgType *type, const void *body, GError **error) SGP32_CHECK;
/* For messages built from constants and checked values, which cannot fail: aborts if they do. */
GBytes *msg_encode_own(const MsgType *type, const void *body);

/* Names and values as indented text; unknown fields are not shown. For people and tests. */
char *msg_to_text(const MsgType *type, const void *body);

/* ---- for tables ---- */
#define MSG_FIELDS(array) .fields = (array), .n_fields = G_N_ELEMENTS(array)
#define MSG_OFFSET(Type, member) .offset = offsetof(Type, member)
