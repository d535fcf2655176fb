/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames of QMI: the QMUX envelope, its messages and their TLVs. All numbers are little endian.
 *
 *   01 | u16 length of all but this octet | u8 flags | u8 service | u8 client id | message
 *   message of service 0:  u8 kind | u8 transaction  | u16 message | u16 size of TLVs | TLVs
 *   of all others:         u8 kind | u16 transaction | u16 message | u16 size of TLVs | TLVs
 */
#pragma once

#include "base/bytes.h"

#define QMUX_MARKER 0x01
#define QMUX_MAX (64 * 1024)

typedef enum QmiKind {
	QMI_REQUEST,
	QMI_RESPONSE,
	QMI_INDICATION,
} QmiKind;

typedef enum QmiService {
	QMI_CTL = 0x00,
	QMI_WDS = 0x01,
	QMI_DMS = 0x02,
	QMI_NAS = 0x03,
	QMI_UIM = 0x0b,
	QMI_WDA = 0x1a,
} QmiService;

/* The errors of QMI that this modem uses. */
typedef enum QmiError {
	QMI_OK = 0,
	QMI_MALFORMED_MESSAGE = 1,
	QMI_INTERNAL = 3,
	QMI_CLIENT_IDS_EXHAUSTED = 5,
	QMI_INVALID_CLIENT_ID = 7,
	QMI_INVALID_HANDLE = 9,
	QMI_CALL_FAILED = 14,
	QMI_OUT_OF_CALL = 15,
	QMI_NOT_PROVISIONED = 16,
	QMI_MISSING_ARGUMENT = 17,
	QMI_ARGUMENT_TOO_LONG = 19,
	QMI_NO_EFFECT = 26,
	QMI_INVALID_SERVICE_TYPE = 31,
	QMI_UIM_UNINITIALIZED = 37,
	QMI_INVALID_ARGUMENT = 48,
	QMI_DEVICE_NOT_READY = 52,
	QMI_INSUFFICIENT_RESOURCES = 68,
	QMI_INVALID_QMI_COMMAND = 71,
	QMI_INFORMATION_UNAVAILABLE = 74,
	QMI_SIM_FILE_NOT_FOUND = 80,
	QMI_ACCESS_DENIED = 82,
	QMI_NO_SIM = 102,
} QmiError;

typedef struct QmiMessage {
	uint8_t service;
	uint8_t cid;
	QmiKind kind;
	uint16_t transaction; /* 8 bits in service 0 */
	uint16_t id;
	Span tlvs; /* borrowed */
} QmiMessage;

/*
 * The size of the first frame of a stream: 0 as long as it is not complete. ret_bad is set if the
 * stream does not start with a frame.
 */
size_t qmux_frame_size(Span stream, bool *ret_bad);
/* One whole frame of a host. False if its lengths do not agree or it is not a request. */
bool qmux_parse(Span frame, QmiMessage *ret);
/* A frame as a modem sends it. */
GByteArray *qmux_build(const QmiMessage *message);

/* The value of the first TLV of that type; absent if there is none or if the TLVs are broken. */
Span tlv_find(Span tlvs, uint8_t type);
/* True if the TLVs fill the span exactly. */
bool tlv_well_formed(Span tlvs);
/* Values of exactly that width. */
bool tlv_get_u8(Span tlvs, uint8_t type, uint8_t *ret);
bool tlv_get_u32(Span tlvs, uint8_t type, uint32_t *ret);

/* A writer: tlv_open() starts a TLV, put…() fill it, tlv_close() settles its length. */
size_t tlv_open(GByteArray *out, uint8_t type);
void tlv_close(GByteArray *out, size_t opened);
void put_u8(GByteArray *out, uint8_t value);
void put_u16(GByteArray *out, uint16_t value);
void put_u32(GByteArray *out, uint32_t value);
/* With a length of one or two octets before it. */
void put_span8(GByteArray *out, Span value);
void put_span16(GByteArray *out, Span value);
void tlv_put_u8(GByteArray *out, uint8_t type, uint8_t value);
void tlv_put_u16(GByteArray *out, uint8_t type, uint16_t value);
void tlv_put_u32(GByteArray *out, uint8_t type, uint32_t value);
void tlv_put_span(GByteArray *out, uint8_t type, Span value);
void tlv_put_string(GByteArray *out, uint8_t type, const char *text);

static inline uint16_t get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get_u32(const uint8_t *p)
{
	return get_u16(p) | (uint32_t)get_u16(p + 2) << 16;
}

/* "uim", or NULL. */
const char *qmi_service_name(unsigned service);
