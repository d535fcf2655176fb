/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/common/bsp.h"

#include <string.h>

#include "lab/common/crypto.h"

#define MAC_SIZE 8

void bsp_derive(Bsp *bsp, Span z, Span host_id, Span eid)
{
	g_autoptr(GByteArray) info = g_byte_array_new();
	uint8_t key[48];
	uint8_t head[] = { BSP_KEY_TYPE_AES, BSP_KEY_LENGTH, host_id.size };
	uint8_t eid_size = eid.size;

	g_byte_array_append(info, head, sizeof(head));
	array_append_span(info, host_id);
	g_byte_array_append(info, &eid_size, 1);
	array_append_span(info, eid);
	crypto_kdf(z, span_of_array(info), key, sizeof(key));
	memcpy(bsp->chain, key, 16);
	memcpy(bsp->s_enc, key + 16, 16);
	memcpy(bsp->s_mac, key + 32, 16);
	bsp->n = 1;
	wipe(key, sizeof(key));
}

void bsp_replace_keys(
	Bsp *bsp, const uint8_t initial_mcv[16], const uint8_t enc[16], const uint8_t cmac[16])
{
	memcpy(bsp->chain, initial_mcv, 16);
	memcpy(bsp->s_enc, enc, 16);
	memcpy(bsp->s_mac, cmac, 16);
	bsp->n = 1;
}

static void initial_vector(const Bsp *bsp, uint8_t ret_icv[16])
{
	uint8_t block[16] = { 0 };

	for (int i = 0; i < 4; i++)
		block[15 - i] = bsp->n >> (8 * i);
	crypto_aes_ecb_encrypt(bsp->s_enc, block, ret_icv);
}

static void segment_mac(const Bsp *bsp, uint32_t tag, Span data, uint8_t ret_mac[16])
{
	g_autoptr(GByteArray) header = g_byte_array_new();
	Span parts[3];

	der_put_header(header, tag, data.size + MAC_SIZE);
	parts[0] = SPAN_ARRAY(bsp->chain);
	parts[1] = span_of_array(header);
	parts[2] = data;
	crypto_cmac(bsp->s_mac, parts, G_N_ELEMENTS(parts), ret_mac);
}

void bsp_protect(Bsp *bsp, uint32_t tag, Span plain, GByteArray *out)
{
	g_autoptr(GByteArray) data = g_byte_array_new();
	uint8_t mac[16];

	array_append_span(data, plain);
	if (tag != 0x88) {
		uint8_t icv[16];
		size_t padded = (plain.size / 16 + 1) * 16;

		g_byte_array_set_size(data, padded);
		memset(data->data + plain.size, 0, padded - plain.size);
		data->data[plain.size] = 0x80;
		initial_vector(bsp, icv);
		crypto_aes_cbc_encrypt(bsp->s_enc, icv, data->data, padded, data->data);
	}
	segment_mac(bsp, tag, span_of_array(data), mac);
	bsp->n++;
	memcpy(bsp->chain, mac, sizeof(mac));
	der_put_header(out, tag, data->len + MAC_SIZE);
	array_append_span(out, span_of_array(data));
	g_byte_array_append(out, mac, MAC_SIZE);
}

static GBytes *refuse(BspFault fault, BspFault *ret_fault, GError **error, const char *why)
{
	if (ret_fault)
		*ret_fault = fault;
	sgp32_fail(error,
		fault == BSP_FAULT_SECURITY ? SGP32_ERROR_SIGNATURE_INVALID
					    : SGP32_ERROR_INVALID_ARGUMENT,
		"segment: %s", why);
	return NULL;
}

GBytes *bsp_unprotect(Bsp *bsp, uint32_t tag, Span input, BspFault *ret_fault, GError **error)
{
	uint8_t mac[16], icv[16];
	g_autofree uint8_t *plain = NULL;
	size_t size;
	Span data;
	Tlv tlv;

	if (!der_single(input, &tlv, NULL))
		return refuse(BSP_FAULT_STRUCTURE, ret_fault, error, "not one TLV");
	if (tlv.tag != tag)
		return refuse(BSP_FAULT_STRUCTURE, ret_fault, error, "unexpected tag");
	if (tlv.value.size < MAC_SIZE || input.size > BSP_SEGMENT_ACCEPTED)
		return refuse(BSP_FAULT_STRUCTURE, ret_fault, error, "length out of range");
	data = span(tlv.value.data, tlv.value.size - MAC_SIZE);
	segment_mac(bsp, tag, data, mac);
	if (memcmp(mac, data.data + data.size, MAC_SIZE) != 0)
		return refuse(BSP_FAULT_SECURITY, ret_fault, error, "wrong MAC");
	size = data.size;
	plain = g_memdup2(data.data, size);
	if (tag != 0x88) {
		if (size == 0 || size % 16)
			return refuse(BSP_FAULT_STRUCTURE, ret_fault, error, "no whole blocks");
		initial_vector(bsp, icv);
		crypto_aes_cbc_decrypt(bsp->s_enc, icv, plain, size, plain);
		do
			size--;
		while (size > 0 && plain[size] == 0);
		if (plain[size] != 0x80)
			return refuse(BSP_FAULT_SECURITY, ret_fault, error, "bad padding");
	}
	bsp->n++;
	memcpy(bsp->chain, mac, sizeof(mac));
	return g_bytes_new(plain, size);
}
