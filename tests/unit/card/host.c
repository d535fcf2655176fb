/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card/host.h"

#include <ftw.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>

#include "asn1/der.h"

static char *pki;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static void remove_tree(const char *path)
{
	(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void pki_remove(void)
{
	remove_tree(pki);
}

static void pki_make(const char *option)
{
	const char *argv[] = { g_getenv("LAB_PKI"), pki, "--eid", EUICC_DEFAULT_EID, option, NULL };
	g_autoptr(GError) error = NULL;
	int status = 1;

	g_assert_nonnull(argv[0]);
	g_spawn_sync(NULL, (char **)argv, NULL,
		G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL, NULL,
		&status, &error);
	g_assert_no_error(error);
	g_assert_cmpint(status, ==, 0);
}

const char *host_pki(void)
{
	if (!pki) {
		pki = g_dir_make_tmp("sgp32-card-pki-XXXXXX", NULL);
		atexit(pki_remove);
		pki_make(NULL);
	}
	return pki;
}

char *host_pki_negative(const char *name)
{
	char *path = g_build_filename(host_pki(), "negative", name, NULL);

	if (!g_file_test(path, G_FILE_TEST_IS_DIR))
		pki_make("--negative");
	g_assert_true(g_file_test(path, G_FILE_TEST_IS_DIR));
	return path;
}

GBytes *hex_bytes(const char *hex)
{
	GBytes *bytes = hex_decode(hex, 1 << 20);

	if (!bytes)
		g_error("not hex: %s", hex);
	return bytes;
}

void assert_span_hex(Span actual, const char *expected)
{
	g_autoptr(GBytes) bytes = hex_bytes(expected);
	g_autofree char *a = hex_encode(actual), *e = hex_encode(span_of(bytes));

	g_assert_cmpstr(a, ==, e);
}

void host_reopen(Host *host)
{
	g_autoptr(GError) error = NULL;

	euicc_free(host->euicc);
	host->euicc = euicc_open(host->card, &error);
	g_assert_no_error(error);
	host->started = false;
}

Host *host_new(const EuiccCreate *create)
{
	static const char number[] =
		"C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
	g_autoptr(GBytes) key = hex_bytes(number);
	g_autoptr(GError) error = NULL;
	EuiccCreate with = create ? *create : (EuiccCreate) { .bootstrap = true };
	Host *host = g_new0(Host, 1);

	with.pki = host_pki();
	host->dir = g_dir_make_tmp("sgp32-card-XXXXXX", NULL);
	host->card = g_build_filename(host->dir, "card", NULL);
	g_assert_true(euicc_create(host->card, &with, &error));
	g_assert_no_error(error);
	host->eim_key = crypto_key_from_private(CRYPTO_CURVE_P256, span_of(key), &error);
	g_assert_no_error(error);
	host_reopen(host);
	return host;
}

void host_free(Host *host)
{
	if (!host)
		return;
	euicc_free(host->euicc);
	EVP_PKEY_free(host->eim_key);
	remove_tree(host->dir);
	g_free(host->card);
	g_free(host->dir);
	g_free(host);
}

/* ---- APDUs ---- */
GBytes *host_apdu(Host *host, Span apdu)
{
	g_autoptr(GByteArray) answer = g_byte_array_new();

	if (!euicc_apdu(host->euicc, apdu, answer)) {
		host->sw = 0;
		return NULL;
	}
	g_assert_cmpuint(answer->len, >=, 2);
	g_assert_cmpuint(answer->len, <=, 258);
	host->sw = (uint16_t)(answer->data[answer->len - 2] << 8 | answer->data[answer->len - 1]);
	return g_bytes_new(answer->data, answer->len - 2);
}

GBytes *host_apdu_hex(Host *host, const char *hex)
{
	g_autoptr(GBytes) apdu = hex_bytes(hex);

	return host_apdu(host, span_of(apdu));
}

void host_expect(Host *host, const char *apdu, uint16_t sw, const char *answer)
{
	g_autoptr(GBytes) got = host_apdu_hex(host, apdu);

	if (host->sw != sw)
		g_error("%s is answered %04X, not %04X", apdu, host->sw, sw);
	if (answer)
		assert_span_hex(span_of(got), answer);
}

/* ---- ES10 ---- */
GBytes *host_es10(Host *host, Span command)
{
	g_autoptr(GByteArray) whole = g_byte_array_new();
	g_autoptr(GBytes) last = NULL;

	if (!host->started) {
		host_expect(host, "0070000001", 0x9000, "01");
		g_bytes_unref(host_apdu_hex(host, "01A4040010A0000005591010FFFFFFFF8900000100"));
		g_assert_cmphex(host->sw >> 8, ==, 0x61);
		host->started = true;
	}
	for (size_t done = 0, block = 0; done < command.size || block == 0; block++) {
		size_t size = MIN(command.size - done, 255);
		bool end = done + size == command.size;
		uint8_t apdu[5 + 255] = { 0x81, 0xe2, end ? 0x91 : 0x11, (uint8_t)block,
			(uint8_t)size };

		memcpy(apdu + 5, command.data + done, size);
		g_clear_pointer(&last, g_bytes_unref);
		last = host_apdu(host, span(apdu, 5 + size));
		if (!last)
			return NULL;
		done += size;
		if (end)
			break;
		if (host->sw != 0x9000)
			return g_bytes_new(NULL, 0);
	}
	while (host->sw >> 8 == 0x61) {
		uint8_t more[] = { 0x01, 0xc0, 0x00, 0x00, (uint8_t)host->sw };
		g_autoptr(GBytes) part = host_apdu(host, SPAN_ARRAY(more));

		array_append_span(whole, span_of(part));
	}
	return g_byte_array_free_to_bytes(g_steal_pointer(&whole));
}

GBytes *host_es10_hex(Host *host, const char *hex)
{
	g_autoptr(GBytes) command = hex_bytes(hex);

	return host_es10(host, span_of(command));
}

void host_es10_expect(Host *host, const char *command, const char *answer)
{
	g_autoptr(GBytes) got = host_es10_hex(host, command);

	if (host->sw != 0x9000 && host->sw >> 8 != 0x91)
		g_error("%s is answered %04X", command, host->sw);
	assert_span_hex(span_of(got), answer);
}

void host_reset(Host *host)
{
	euicc_reset(host->euicc);
	host->started = false;
}

void host_refresh(Host *host)
{
	host_expect(host, "801200000B", 0x9000, "D0098103010104 82028182");
	host_expect(host, "801400000C810301010482028281830100", 0x9000, "");
	host_reset(host);
}

/* ---- the eIM ---- */
char *host_eim_entry(Host *host, const char *id, const char *fields)
{
	g_autoptr(GBytes) spki = crypto_key_spki(host->eim_key),
			  arm = der_retag(span_of(spki), 0xa0);
	g_autoptr(GByteArray) whole = g_byte_array_new();
	GByteArray *entry = g_byte_array_new();
	g_autoptr(GBytes) more = hex_bytes(fields);

	der_put(entry, 0x80, span_string(id));
	array_append_span(entry, span_of(more));
	der_put(entry, 0xa5, span_of(arm));
	der_put_wrapped(whole, 0x30, entry);
	return hex_encode(span_of_array(whole));
}

static char *wrapped(const char *hex, uint32_t inner, uint32_t outer)
{
	g_autoptr(GBytes) bytes = hex_bytes(hex);
	g_autoptr(GByteArray) whole = g_byte_array_new();
	GByteArray *content = g_byte_array_new();

	der_put(content, inner, span_of(bytes));
	der_put_wrapped(whole, outer, content);
	return hex_encode(span_of_array(whole));
}

void host_add_eim(Host *host)
{
	g_autofree char *entry = host_eim_entry(host, "eim1", "830100 8401ff");
	g_autofree char *command = wrapped(entry, 0xa0, 0xbf57);
	g_autoptr(GBytes) answer = host_es10_hex(host, command);

	g_assert_cmphex(host->sw, ==, 0x9000);
	assert_span_hex(span_of(answer), "bf5705a003840101");
}

GBytes *host_package(Host *host, int64_t counter, int64_t token, const char *list)
{
	g_autoptr(GByteArray) whole = g_byte_array_new(), tbs = g_byte_array_new();
	GByteArray *data = g_byte_array_new(), *content = g_byte_array_new();
	g_autoptr(GBytes) eid = hex_bytes(EUICC_DEFAULT_EID), operations = hex_bytes(list);

	der_put(data, 0x80, span_string("eim1"));
	der_put(data, 0x5a, span_of(eid));
	der_put_integer(data, 0x81, counter);
	array_append_span(data, span_of(operations));
	der_put_wrapped(content, 0x30, data);
	array_append_span(tbs, span_of_array(content));
	der_put_integer(tbs, 0x84, token);
	crypto_put_signature(content, host->eim_key, span_of_array(tbs));
	der_put_wrapped(whole, 0xbf51, content);
	return g_byte_array_free_to_bytes(g_steal_pointer(&whole));
}

void host_check_signature(Host *host, Span signed_part, int64_t token, Span signature)
{
	g_autofree char *path =
		g_strconcat(host_pki(), "/nist/euicc/", EUICC_DEFAULT_EID, ".pem", NULL);
	g_autoptr(GError) error = NULL;
	g_autoptr(X509) certificate = crypto_certificate_load(path, &error);
	g_autoptr(GByteArray) tbs = g_byte_array_new();

	g_assert_no_error(error);
	array_append_span(tbs, signed_part);
	if (token >= 0)
		der_put_integer(tbs, 0x84, token);
	g_assert_true(crypto_verify(
		crypto_certificate_key(certificate), span_of_array(tbs), signature, &error));
	g_assert_no_error(error);
}

int64_t host_load_expect(Host *host, int64_t counter, const char *list, const char *results)
{
	g_autoptr(GBytes) package = host_package(host, counter, 1, list);
	g_autoptr(GBytes) answer = host_es10(host, span_of(package));
	g_autoptr(GError) error = NULL;
	Tlv whole, arm, data, signature, field;
	int64_t seq = 0;

	g_assert_true(host->sw == 0x9000 || host->sw == 0x910b);
	g_assert_true(der_single(span_of(answer), &whole, &error));
	g_assert_cmphex(whole.tag, ==, 0xbf51);
	g_assert_true(der_single(whole.value, &arm, &error));
	g_assert_cmphex(arm.tag, ==, 0xa0);
	g_assert_true(der_find(arm.value, 0x30, &data));
	g_assert_true(der_find(arm.value, 0x5f37, &signature));
	host_check_signature(host, data.whole, 1, signature.value);
	g_assert_true(der_find(data.value, 0x83, &field));
	for (size_t i = 0; i < field.value.size; i++)
		seq = seq << 8 | field.value.data[i];
	g_assert_true(der_find(data.value, 0x30, &field));
	assert_span_hex(field.value, results);
	return seq;
}

/* ---- looking inside ---- */
json_t *host_show(Host *host)
{
	return euicc_show(host->euicc);
}

char *host_member(Host *host, const char *member)
{
	json_t *show = host_show(host);
	json_t *value = json_object_get(show, member);
	char *text =
		value ? json_dumps(value, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	char *copy = g_strdup(text ? text : "");

	free(text);
	json_decref(show);
	return copy;
}

const char *host_enabled(Host *host)
{
	static char iccid[32];
	json_t *show = host_show(host), *profile;
	const char *found = NULL;
	size_t i;

	json_array_foreach(json_object_get(show, "profiles"), i,
		profile) if (json_is_true(json_object_get(profile, "enabled")))
	{
		g_strlcpy(
			iccid, json_string_value(json_object_get(profile, "iccid")), sizeof(iccid));
		found = iccid;
	}
	json_decref(show);
	return found;
}

void host_add_profile(Host *host, const char *iccid, const char *members)
{
	g_autofree char *path = g_build_filename(host->card, "state.json", NULL);
	json_t *state = json_load_file(path, 0, NULL), *profile;
	json_int_t isdp = json_integer_value(json_object_get(state, "isdp")) + 1;

	profile = json_pack("{s:s, s:I, s:i, s:i, s:i, s:i, s:s, s:s, s:s, s:s}", "iccid", iccid,
		"isdp", isdp, "profile_class", 2, "icon_type", -1, "ecall_indication", -1,
		"fallback_allowed", -1, "profile_name", "Operator", "service_provider_name", "SP",
		"ci", "nist", "notification_configuration", "b60f300d80020470 8107 736d64702e6578");
	if (members) {
		json_t *more = json_loads(members, 0, NULL);

		g_assert_nonnull(more);
		json_object_update(profile, more);
		json_decref(more);
	}
	json_array_append_new(json_object_get(state, "profiles"), profile);
	json_object_set_new(state, "isdp", json_integer(isdp));
	g_assert_cmpint(json_dump_file(state, path, JSON_INDENT(1)), ==, 0);
	json_decref(state);
	host_reopen(host);
}
