/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* usage: test-relay LAB-EIM LAB-SMDP: indirect download, the IPA speaks to the eIM alone. */
#include <string.h>

#include "lab-client.h"
#include "lab/common/state.h"

#define PATH "/gsma/rsp2/asn1"
#define TYPE "application/x-gsma-rsp-asn1"
#define ICCID "8949000000000000018"

static const char *eim_program, *smdp_program;
static char *dir;

typedef struct World {
	LabClient *eim, *smdp;
	LabEuicc *euicc;
	X509 *dppb;
	GBytes *transaction, *signature2;
} World;

static World *world_new(void)
{
	static int n;
	World *w = g_new0(World, 1);
	g_autofree char *pki = g_build_filename(dir, "pki", NULL);
	g_autofree char *dppb = g_build_filename(pki, "nist", "dppb.pem", NULL);
	g_autofree char *eim = g_strdup_printf("eim%d", n);
	g_autofree char *smdp = g_strdup_printf("smdp%d", n++);
	g_autofree char *resolve = NULL;
	const char *extra[] = { "--resolve", NULL, NULL };

	w->smdp = lab_client_start(smdp_program, dir, smdp, "smdp.lab.test", "nist/ci.pem", NULL);
	extra[1] = resolve = g_strdup_printf("smdp.lab.test:127.0.0.1:%d", w->smdp->port);
	w->eim = lab_client_start(eim_program, dir, eim, "eim.lab.test", "eim/ca.pem", extra);
	w->euicc = lab_euicc_new(pki, "nist");
	w->dppb = crypto_certificate_load(dppb, NULL);
	g_free(lab_client_verb(
		w->smdp, NULL, "add", "--iccid", ICCID, "--matching-id", "ABC", NULL));
	return w;
}

static void world_free(World *w)
{
	lab_client_stop(w->eim);
	lab_client_stop(w->smdp);
	lab_euicc_free(w->euicc);
	X509_free(w->dppb);
	g_clear_pointer(&w->transaction, g_bytes_unref);
	g_clear_pointer(&w->signature2, g_bytes_unref);
	g_free(w);
}

/* content is freed. */
static GBytes *post(World *w, uint32_t tag, GByteArray *content, long http)
{
	g_autoptr(GByteArray) out = g_byte_array_new();
	g_autoptr(LabAnswer) answer = NULL;

	der_put_wrapped(out, tag, content);
	answer = lab_client_post(w->eim, PATH, TYPE, span_of_array(out));
	g_assert_cmpint(answer->http, ==, http);
	return span_to_bytes(span_of_array(answer->body));
}

static Span child(Span parent, uint32_t tag)
{
	Tlv tlv;

	g_assert_true(der_find(parent, tag, &tlv));
	return tlv.whole;
}

static Span value(Span tlv)
{
	Tlv parsed;

	g_assert_true(der_single(tlv, &parsed, NULL));
	return parsed.value;
}

/* The inside of the ok arm. */
static Span ok_arm(GBytes *answer, uint32_t tag)
{
	Tlv outer;

	g_assert_true(der_single(span_of(answer), &outer, NULL));
	g_assert_cmphex(outer.tag, ==, tag);
	return value(child(outer.value, 0xA0));
}

static void assert_error(GBytes *answer, const char *expected)
{
	g_autofree char *hex = hex_encode(span_of(answer));

	g_assert_cmpstr(hex, ==, expected);
	g_bytes_unref(answer);
}

/* The eimTransactionId of the trigger that the eIM gives next. */
static GBytes *poll_trigger(World *w)
{
	GByteArray *eid = g_byte_array_new();
	g_autoptr(GBytes) answer = NULL;
	Tlv outer;

	der_put(eid, 0x5A, SPAN_ARRAY(w->euicc->eid));
	answer = post(w, 0xBF4F, eid, 200);
	g_assert_true(der_single(span_of(answer), &outer, NULL));
	return span_to_bytes(value(child(value(child(outer.value, 0xBF54)), 0x82)));
}

/* The card is known to the eIM: it asks three times at most. */
static void learn(World *w)
{
	GByteArray *ok = g_byte_array_new(), *arm = g_byte_array_new(), *out = g_byte_array_new();
	g_autoptr(GBytes) eum = der_retag(span_of(w->euicc->eum), 0xA5);
	g_autoptr(GBytes) euicc = der_retag(span_of(w->euicc->certificate), 0xA6);
	g_autoptr(GBytes) info1 = lab_euicc_info1(w->euicc);
	GByteArray *eid = g_byte_array_new();

	der_put(eid, 0x5A, SPAN_ARRAY(w->euicc->eid));
	g_bytes_unref(post(w, 0xBF4F, eid, 200));
	array_append_span(ok, span_of(info1));
	array_append_span(ok, span_of(eum));
	array_append_span(ok, span_of(euicc));
	der_put_wrapped(arm, 0xA0, ok);
	der_put(out, 0x5A, SPAN_ARRAY(w->euicc->eid));
	der_put_wrapped(out, 0xBF52, arm);
	g_bytes_unref(post(w, 0xBF50, out, 200));
}

static GByteArray *initiate_request(World *w, const char *address, GBytes *trigger, bool info1)
{
	GByteArray *out = g_byte_array_new();
	g_autoptr(GBytes) info = lab_euicc_info1(w->euicc);

	der_put(out, 0x81, SPAN_ARRAY(w->euicc->challenge));
	if (address)
		der_put(out, 0x83, span_string(address));
	if (info1)
		array_append_span(out, span_of(info));
	if (trigger)
		der_put(out, 0x82, span_of(trigger));
	return out;
}

/* The functions up to the profile in the card; matching_id NULL: the eIM says it. */
static void download(World *w, GByteArray *initiate, const char *matching_id)
{
	g_autoptr(GBytes) first = post(w, 0xBF39, initiate, 200), second = NULL, third = NULL;
	g_autoptr(GBytes) response = NULL, prepared = NULL, metadata = NULL, body = NULL;
	g_autofree char *given = NULL;
	GByteArray *out = g_byte_array_new();
	Span ok = ok_arm(first, 0xBF39);

	if (!matching_id)
		matching_id = given = span_to_string(value(child(ok, 0x0C)));
	w->transaction = span_to_bytes(value(child(ok, 0x80)));
	response = lab_euicc_authenticate(w->euicc, child(ok, 0x30), matching_id);
	der_put(out, 0x80, span_of(w->transaction));
	array_append_span(out, span_of(response));
	second = post(w, 0xBF3B, out, 200);
	ok = ok_arm(second, 0xBF3B);
	w->signature2 = span_to_bytes(child(ok, 0x5F37));
	prepared =
		lab_euicc_prepare(w->euicc, span_of(w->transaction), span_of(w->signature2), NULL);
	out = g_byte_array_new();
	der_put(out, 0x80, span_of(w->transaction));
	array_append_span(out, span_of(prepared));
	third = post(w, 0xBF3A, out, 200);
	lab_euicc_install(
		w->euicc, child(ok_arm(third, 0xBF3A), 0xBF36), w->dppb, &metadata, &body);
	g_assert_true(span_equal(child(ok, 0xBF25), span_of(metadata)));
}

static void assert_both(World *w, const char *smdp_state, const char *eim_state)
{
	json_t *profile = NULL, *device = NULL, *queue;

	g_free(lab_client_verb(w->smdp, &profile, "show", ICCID, NULL));
	g_assert_cmpstr(state_string(profile, "state"), ==, smdp_state);
	json_decref(profile);
	g_free(lab_client_verb(w->eim, &device, "show", LAB_EID, NULL));
	queue = json_object_get(device, "queue");
	g_assert_cmpstr(state_string(json_array_get(queue, json_array_size(queue) - 1), "state"),
		==, eim_state);
	json_decref(device);
}

static GBytes *pir(World *w)
{
	return lab_euicc_pir(
		w->euicc, span_of(w->transaction), "2.999.10", "smdp.lab.test", ICCID, 0, 0);
}

static void test_download_through_the_eim(void)
{
	World *w = world_new();
	g_autoptr(GBytes) trigger = NULL, result = NULL, notification = NULL;
	GByteArray *out = g_byte_array_new();

	g_free(lab_client_verb(
		w->eim, NULL, "queue", LAB_EID, "download", "LPA:1$smdp.lab.test$ABC", NULL));
	learn(w);
	trigger = poll_trigger(w);
	download(w, initiate_request(w, "smdp.lab.test", trigger, true), "ABC");
	assert_both(w, "downloading", "sent");
	result = pir(w);
	der_put(out, 0xA0, span_of(result));
	g_bytes_unref(post(w, 0xBF3D, out, 204));
	assert_both(w, "installed", "done");
	/* other notifications of the card, too */
	notification = lab_euicc_notification(w->euicc, 1, "smdp.lab.test", ICCID);
	out = g_byte_array_new();
	der_put(out, 0xA0, span_of(notification));
	g_bytes_unref(post(w, 0xBF3D, out, 204));
	assert_both(w, "enabled", "done");
	world_free(w);
}

static void test_the_eim_keeps_the_activation_code(void)
{
	World *w = world_new();
	g_autoptr(GBytes) trigger = NULL, result = NULL;
	GByteArray *content = g_byte_array_new(), *inner = g_byte_array_new();
	GByteArray *out = g_byte_array_new();

	g_free(lab_client_verb(w->eim, NULL, "queue", LAB_EID, "download", "--ask-eim",
		"LPA:1$smdp.lab.test$ABC", NULL));
	learn(w);
	trigger = poll_trigger(w);
	download(w, initiate_request(w, NULL, trigger, false), NULL);
	result = pir(w);
	/* the other form: ProvideEimPackageResult inside HandleNotification */
	der_put(content, 0x82, span_of(trigger));
	array_append_span(content, span_of(result));
	der_put(inner, 0x5A, SPAN_ARRAY(w->euicc->eid));
	der_put_wrapped(inner, 0xBF54, content);
	der_put_wrapped(out, 0xBF50, inner);
	g_bytes_unref(post(w, 0xBF3D, out, 204));
	assert_both(w, "installed", "done");
	world_free(w);
}

static void test_session_is_cancelled(void)
{
	World *w = world_new();
	g_autoptr(GBytes) trigger = NULL, cancel = NULL, arm = NULL;
	GByteArray *out = g_byte_array_new();

	g_free(lab_client_verb(
		w->eim, NULL, "queue", LAB_EID, "download", "LPA:1$smdp.lab.test$ABC", NULL));
	learn(w);
	trigger = poll_trigger(w);
	download(w, initiate_request(w, "smdp.lab.test", trigger, true), "ABC");
	cancel = lab_euicc_cancel(w->euicc, span_of(w->transaction), "2.999.10", 3);
	arm = der_retag(span_of(cancel), 0xA1);
	der_put(out, 0x80, span_of(w->transaction));
	array_append_span(out, span_of(arm));
	assert_error(post(w, 0xBF41, out, 200), "bf4102a000");
	assert_both(w, "error", "failed");
	world_free(w);
}

static void test_errors_have_the_numbers_of_esipa(void)
{
	World *w = world_new();
	g_autoptr(GBytes) unknown = hex_decode("0102", 2), first = NULL, response = NULL;
	GByteArray *out = g_byte_array_new();
	Span ok;

	assert_error(post(w, 0xBF39, initiate_request(w, "smdp.lab.test", unknown, true), 200),
		"bf3903810134");
	assert_error(post(w, 0xBF39, initiate_request(w, NULL, NULL, true), 200), "bf3903810101");
	assert_error(post(w, 0xBF39, initiate_request(w, "smdp.lab.test", NULL, false), 200),
		"bf390381017f");
	/* nobody is there */
	assert_error(post(w, 0xBF39, initiate_request(w, "127.0.0.1:9", NULL, true), 200),
		"bf390381017f");
	first = post(w, 0xBF39, initiate_request(w, "smdp.lab.test", NULL, true), 200);
	ok = ok_arm(first, 0xBF39);
	response = lab_euicc_authenticate(w->euicc, child(ok, 0x30), "NOBODY");
	array_append_span(out, child(ok, 0x80));
	array_append_span(out, span_of(response));
	assert_error(post(w, 0xBF3B, out, 200), "bf3b03820106");
	out = g_byte_array_new();
	der_put(out, 0x80, span_of(unknown));
	array_append_span(out, span_of(response));
	assert_error(post(w, 0xBF3B, out, 200), "bf3b0382010a");
	out = g_byte_array_new();
	der_put(out, 0x80, span_of(unknown));
	assert_error(post(w, 0xBF3A, out, 200), "bf3a0381015f");
	out = g_byte_array_new();
	der_put(out, 0x80, span_of(unknown));
	assert_error(post(w, 0xBF41, out, 200), "bf4103810101");
	world_free(w);
}

static void test_what_does_not_arrive_is_not_taken(void)
{
	World *w = world_new();
	g_autoptr(GBytes) notification = lab_euicc_notification(w->euicc, 1, "127.0.0.1:9", ICCID);
	GByteArray *out = g_byte_array_new();

	der_put(out, 0xA0, span_of(notification));
	g_bytes_unref(post(w, 0xBF3D, out, 503));
	world_free(w);
}

int main(int argc, char **argv)
{
	int status;

	g_test_init(&argc, &argv, NULL);
	g_assert_cmpint(argc, ==, 3);
	eim_program = argv[1];
	smdp_program = argv[2];
	dir = lab_pki_new();
	g_test_add_func("/relay/download", test_download_through_the_eim);
	g_test_add_func("/relay/activation-code", test_the_eim_keeps_the_activation_code);
	g_test_add_func("/relay/cancel", test_session_is_cancelled);
	g_test_add_func("/relay/errors", test_errors_have_the_numbers_of_esipa);
	g_test_add_func("/relay/undelivered", test_what_does_not_arrive_is_not_taken);
	status = g_test_run();
	lab_remove_tree(dir);
	g_free(dir);
	return status;
}
