/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lab-modem and the real programs: qmicli, qmi-proxy and libqmi. In a network namespace of its own,
 * because the name of the proxy's socket is one per namespace.
 */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <libqmi-glib.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ICCID "8901234567890123456"
#define ICCID_B "8901234567890999996"
#define PROXY_PROGRAM "/usr/libexec/qmi-proxy"
#define TIMEOUT 10

/* ---- namespaces ---- */

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* NULL, or why not. The real qmi-proxy serves uid 0 only, which the user namespace makes of us. */
static const char *own_namespaces(void)
{
	g_autofree char *uid = g_strdup_printf("0 %d 1", getuid());
	g_autofree char *gid = g_strdup_printf("0 %d 1", getgid());

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return "no user and network namespaces here";
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uid) ||
		!write_file("/proc/self/gid_map", gid))
		return "no ids in the user namespace";
	return NULL;
}

static void die_with_test(void *user)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* ---- qmicli ---- */

static bool lacks_qmicli(void)
{
	g_autofree char *path = g_find_program_in_path("qmicli");

	if (!path)
		g_test_skip("qmicli is not installed (libqmi-utils)");
	return !path;
}

static char *qmicli(TestModem *modem, const char *how, const char *what)
{
	/* On a PTY it cannot find out the protocol by itself. */
	const char *argv[] = { "qmicli", "--device-open-qmi", "-d", modem->pty, what, how, NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *errors = NULL;
	char *out = NULL;
	int status;

	g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, die_with_test, NULL, &out,
		&errors, &status, &error);
	g_assert_no_error(error);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		g_test_message("qmicli %s: %s", what, errors);
	g_assert_true(WIFEXITED(status));
	g_assert_cmpint(WEXITSTATUS(status), ==, 0);
	return out;
}

static void qmicli_says(
	TestModem *modem, const char *how, const char *what, const char *const *lines)
{
	g_autofree char *out = qmicli(modem, how, what);

	for (unsigned i = 0; lines[i]; i++) {
		if (!strstr(out, lines[i]))
			g_test_message("%s: no \"%s\" in\n%s", what, lines[i], out);
		g_assert_nonnull(strstr(out, lines[i]));
	}
}

static void qmicli_looks_around(TestModem *modem, const char *how)
{
	qmicli_says(modem, how, "--uim-get-card-status",
		(const char *[]) { "Card state: 'present'", "Application type:  'usim (2)'",
			"Application state: 'ready'",
			"A0:00:00:00:87:10:02:FF:FF:FF:FF:89:00:00:01:00",
			"slot '1', application '1'", NULL });
	qmicli_says(modem, how, "--uim-get-slot-status",
		(const char *[]) { "Card status: present", "Slot status: active", "ICCID: " ICCID,
			"Protocol: uicc", "Is eUICC: yes", "EID: 89049032123451234512345678901235",
			NULL });
	qmicli_says(
		modem, how, "--dms-get-ids", (const char *[]) { "IMEI: '359072066128009'", NULL });
	qmicli_says(modem, how, "--uim-read-transparent=0x3F00,0x2FE2",
		(const char *[]) { "SW1: '0x90'", "98:10:32:54:76:98:10:32:54:F6", NULL });
	qmicli_says(modem, how, "--uim-read-transparent=0x3F00,0x7FFF,0x6F07",
		(const char *[]) { "08:09:10:10:00:00:00:00:F0", NULL });
	qmicli_says(modem, how, "--nas-get-serving-system",
		(const char *[]) {
			"Registration state: 'registered'", "PS: 'attached'", "MCC: '1'", NULL });
	qmicli_says(modem, how, "--nas-get-system-info",
		(const char *[]) { "Status: 'available'", "MCC: '001'", "MNC: '01'", NULL });
	qmicli_says(modem, how, "--dms-get-operating-mode",
		(const char *[]) { "Mode: 'online'", NULL });
}

static TestModem *modem_with_card(const char *const *options, FakeCard **ret_card)
{
	TestModem *modem = test_modem_new(options);

	*ret_card = fake_card_new(modem->card, ICCID);
	test_modem_wait_card(modem, "ready");
	g_free(test_modem_link(modem));
	g_free(test_modem_link(modem)); /* up: it is registered */
	return modem;
}

static void expect_no_clients(TestModem *modem)
{
	json_t *data = test_modem_show(modem);

	g_assert_cmpuint(json_array_size(json_object_get(data, "clients")), ==, 0);
	json_decref(data);
}

static void test_qmicli_reads_card_slot_and_identity_from_the_port(void)
{
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = NULL;

	if (lacks_qmicli())
		return;
	modem = modem_with_card(NULL, &card);
	qmicli_looks_around(modem, NULL);
	expect_no_clients(modem);
}

static void test_qmicli_works_with_the_modem_as_its_proxy(void)
{
	static const char *const options[] = { "--proxy=qmi-proxy", NULL };
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = NULL;

	if (lacks_qmicli())
		return;
	modem = modem_with_card(options, &card);
	qmicli_looks_around(modem, "--device-open-proxy");
	expect_no_clients(modem);
}

/* ---- the real qmi-proxy ---- */

typedef struct RealProxy {
	GPid pid;
} RealProxy;

static void real_proxy_clear(RealProxy *proxy)
{
	if (proxy->pid <= 0)
		return;
	kill(proxy->pid, SIGTERM);
	waitpid(proxy->pid, NULL, 0);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(RealProxy, real_proxy_clear)

static bool proxy_accepts(void)
{
	static const char name[] = "qmi-proxy";
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;

	memcpy(address.sun_path + 1, name, sizeof(name) - 1);
	failed = connect(fd, (struct sockaddr *)&address,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(name)));
	close(fd);
	return !failed;
}

static bool real_proxy_start(RealProxy *proxy)
{
	const char *argv[] = { PROXY_PROGRAM, "--no-exit", NULL };
	gint64 end = g_get_monotonic_time() + WAIT_MS * 1000;
	g_autoptr(GError) error = NULL;

	if (access(PROXY_PROGRAM, X_OK) < 0) {
		g_test_skip(PROXY_PROGRAM " is not installed (libqmi-proxy)");
		return false;
	}
	g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, die_with_test, NULL,
		&proxy->pid, &error);
	g_assert_no_error(error);
	/* It says nothing when it is ready. */
	while (!proxy_accepts())
		g_assert_cmpint(g_get_monotonic_time(), <, end);
	return true;
}

static const char *const without_proxy[] = { "--no-proxy", NULL };

static void test_qmicli_works_through_the_real_proxy(void)
{
	g_auto(RealProxy) proxy = {};
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = NULL;

	if (lacks_qmicli() || !real_proxy_start(&proxy))
		return;
	modem = modem_with_card(without_proxy, &card);
	qmicli_looks_around(modem, "--device-open-proxy");
	expect_no_clients(modem);
}

/* ---- libqmi ---- */

typedef struct Answer {
	GMainLoop *loop;
	GAsyncResult *result;
} Answer;

static void answered(GObject *source, GAsyncResult *result, gpointer data)
{
	Answer *answer = data;

	answer->result = g_object_ref(result);
	g_main_loop_quit(answer->loop);
}

static GAsyncResult *wait_answer(Answer *answer)
{
	answer->loop = g_main_loop_new(NULL, FALSE);
	g_main_loop_run(answer->loop);
	g_main_loop_unref(answer->loop);
	return answer->result;
}

static QmiDevice *device_open(TestModem *modem, const char *proxy, bool through)
{
	g_autoptr(GFile) file = g_file_new_for_path(modem->pty);
	g_autoptr(GAsyncResult) made = NULL, opened = NULL;
	g_autoptr(GError) error = NULL;
	Answer answer = {}, second = {};
	QmiDevice *device;

	g_async_initable_new_async(QMI_TYPE_DEVICE, G_PRIORITY_DEFAULT, NULL, answered, &answer,
		QMI_DEVICE_FILE, file, QMI_DEVICE_NO_FILE_CHECK, TRUE, QMI_DEVICE_PROXY_PATH, proxy,
		NULL);
	made = wait_answer(&answer);
	device = qmi_device_new_finish(made, &error);
	g_assert_no_error(error);
	qmi_device_open(device,
		QMI_DEVICE_OPEN_FLAGS_VERSION_INFO | (through ? QMI_DEVICE_OPEN_FLAGS_PROXY : 0),
		TIMEOUT, NULL, answered, &second);
	opened = wait_answer(&second);
	qmi_device_open_finish(device, opened, &error);
	g_assert_no_error(error);
	return device;
}

static QmiClient *client_allocate(QmiDevice *device)
{
	g_autoptr(GAsyncResult) result = NULL;
	g_autoptr(GError) error = NULL;
	Answer answer = {};
	QmiClient *client;

	qmi_device_allocate_client(
		device, QMI_SERVICE_UIM, QMI_CID_NONE, TIMEOUT, NULL, answered, &answer);
	result = wait_answer(&answer);
	client = qmi_device_allocate_client_finish(device, result, &error);
	g_assert_no_error(error);
	return client;
}

static void device_end(QmiDevice *device, QmiClient *client)
{
	g_autoptr(GAsyncResult) released = NULL, closed = NULL;
	g_autoptr(GError) error = NULL;
	Answer answer = {}, second = {};

	qmi_device_release_client(device, client, QMI_DEVICE_RELEASE_CLIENT_FLAGS_RELEASE_CID,
		TIMEOUT, NULL, answered, &answer);
	released = wait_answer(&answer);
	qmi_device_release_client_finish(device, released, &error);
	g_assert_no_error(error);
	g_object_unref(client);
	qmi_device_close_async(device, TIMEOUT, NULL, answered, &second);
	closed = wait_answer(&second);
	qmi_device_close_finish(device, closed, &error);
	g_assert_no_error(error);
	g_object_unref(device);
}

static void refreshed(QmiClientUim *client, QmiIndicationUimRefreshOutput *output, GArray *stages)
{
	QmiUimRefreshStage stage;
	QmiUimRefreshMode mode;
	QmiUimSessionType session;

	g_assert_true(qmi_indication_uim_refresh_output_get_event(
		output, &stage, &mode, &session, NULL, NULL, NULL));
	g_assert_cmpint(mode, ==, QMI_UIM_REFRESH_MODE_RESET);
	g_assert_cmpint(session, ==, QMI_UIM_SESSION_TYPE_CARD_SLOT_1);
	g_array_append_val(stages, stage);
}

static void register_refresh(QmiClient *client)
{
	g_autoptr(QmiMessageUimRefreshRegisterAllInput) input =
		qmi_message_uim_refresh_register_all_input_new();
	g_autoptr(QmiMessageUimRefreshRegisterAllOutput) output = NULL;
	g_autoptr(GAsyncResult) result = NULL;
	g_autoptr(GArray) aid = g_array_new(FALSE, FALSE, 1);
	g_autoptr(GError) error = NULL;
	Answer answer = {};

	qmi_message_uim_refresh_register_all_input_set_session(
		input, QMI_UIM_SESSION_TYPE_CARD_SLOT_1, aid, NULL);
	qmi_message_uim_refresh_register_all_input_set_info(input, TRUE, NULL);
	qmi_client_uim_refresh_register_all(
		QMI_CLIENT_UIM(client), input, TIMEOUT, NULL, answered, &answer);
	result = wait_answer(&answer);
	output = qmi_client_uim_refresh_register_all_finish(QMI_CLIENT_UIM(client), result, &error);
	g_assert_no_error(error);
	qmi_message_uim_refresh_register_all_output_get_result(output, &error);
	g_assert_no_error(error);
}

/* libqmi 1.32 has no functions for APDUs: the TLVs by hand. */
static void send_apdu(QmiDevice *device, QmiClient *client, const char *hex, const char *answer_hex)
{
	g_autoptr(QmiMessage) request = qmi_message_new(QMI_SERVICE_UIM, qmi_client_get_cid(client),
		qmi_client_get_next_transaction_id(client), 0x003b);
	g_autoptr(QmiMessage) response = NULL;
	g_autoptr(GAsyncResult) result = NULL;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) apdu = hex_decode(hex, 300);
	g_autofree char *is = NULL;
	Answer answer = {};
	const uint8_t *value;
	uint16_t size;
	gsize at;

	at = qmi_message_tlv_write_init(request, 0x01, &error);
	qmi_message_tlv_write_guint8(request, 1, &error);
	qmi_message_tlv_write_complete(request, at, &error);
	at = qmi_message_tlv_write_init(request, 0x02, &error);
	qmi_message_tlv_write_guint16(
		request, QMI_ENDIAN_LITTLE, (guint16)g_bytes_get_size(apdu), &error);
	for (size_t i = 0; i < g_bytes_get_size(apdu); i++)
		qmi_message_tlv_write_guint8(request, span_of(apdu).data[i], &error);
	qmi_message_tlv_write_complete(request, at, &error);
	g_assert_no_error(error);
	qmi_device_command_full(device, request, NULL, TIMEOUT, NULL, answered, &answer);
	result = wait_answer(&answer);
	response = qmi_device_command_full_finish(device, result, &error);
	g_assert_no_error(error);
	value = qmi_message_get_raw_tlv(response, 0x10, &size);
	g_assert_nonnull(value);
	is = hex_encode(span(value + 2, size - 2u));
	g_assert_cmpstr(is, ==, answer_hex);
}

static void libqmi_sees_a_switch(TestModem *modem, FakeCard *card, const char *proxy, bool through)
{
	QmiDevice *device = device_open(modem, proxy, through);
	QmiClient *client = client_allocate(device);
	g_autoptr(GArray) stages = g_array_new(FALSE, FALSE, sizeof(QmiUimRefreshStage));

	g_signal_connect(client, "refresh", G_CALLBACK(refreshed), stages);
	register_refresh(client);
	send_apdu(device, client, "80ca000300", "5a5a5a9000");
	fake_card_switch_to(card, ICCID_B);
	send_apdu(device, client, "80ca040400", "910b");
	while (stages->len < 2)
		g_main_context_iteration(NULL, TRUE);
	g_assert_cmpint(
		g_array_index(stages, QmiUimRefreshStage, 0), ==, QMI_UIM_REFRESH_STAGE_START);
	g_assert_cmpint(g_array_index(stages, QmiUimRefreshStage, 1), ==,
		QMI_UIM_REFRESH_STAGE_END_WITH_SUCCESS);
	device_end(device, client);
	expect_no_clients(modem);
}

static void test_libqmi_sees_a_switch_on_the_port(void)
{
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = modem_with_card(NULL, &card);

	libqmi_sees_a_switch(modem, card, "unused", false);
}

static void test_libqmi_sees_a_switch_through_the_modems_proxy(void)
{
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = modem_with_card(NULL, &card);

	libqmi_sees_a_switch(modem, card, modem->proxy, true);
}

static void test_libqmi_sees_a_switch_through_the_real_proxy(void)
{
	g_auto(RealProxy) proxy = {};
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = NULL;

	if (!real_proxy_start(&proxy))
		return;
	modem = modem_with_card(without_proxy, &card);
	libqmi_sees_a_switch(modem, card, "qmi-proxy", true);
}

static void removed(QmiDevice *device, gboolean *gone)
{
	*gone = TRUE;
}

static void loses_the_device(const char *verb)
{
	g_autoptr(FakeCard) card = NULL;
	g_autoptr(TestModem) modem = modem_with_card(NULL, &card);
	g_autoptr(QmiDevice) device = device_open(modem, "unused", false);
	gboolean gone = FALSE;

	g_signal_connect(device, QMI_DEVICE_SIGNAL_REMOVED, G_CALLBACK(removed), &gone);
	test_modem_ctl(modem, verb);
	while (!gone)
		g_main_context_iteration(NULL, TRUE);
	g_assert_true(gone);
}

static void test_libqmi_loses_the_device_with_a_reset(void)
{
	loses_the_device("reset");
}

static void test_libqmi_loses_the_device_with_a_drop(void)
{
	loses_the_device("drop");
}

static void test_libqmi_loses_the_device_with_garbage(void)
{
	loses_the_device("garbage marker");
}

int main(int argc, char **argv)
{
	const char *reason = own_namespaces();

	g_test_init(&argc, &argv, NULL);
	if (reason) {
		g_print("1..0 # SKIP %s\n", reason);
		return 0;
	}
	/* libqmi warns about every port whose driver it cannot find out. */
	g_log_set_always_fatal(G_LOG_LEVEL_ERROR | G_LOG_FLAG_RECURSION);
	g_test_add_func(
		"/modem/qmicli/port", test_qmicli_reads_card_slot_and_identity_from_the_port);
	g_test_add_func("/modem/qmicli/proxy", test_qmicli_works_with_the_modem_as_its_proxy);
	g_test_add_func("/modem/qmicli/real-proxy", test_qmicli_works_through_the_real_proxy);
	g_test_add_func("/modem/libqmi/port", test_libqmi_sees_a_switch_on_the_port);
	g_test_add_func("/modem/libqmi/proxy", test_libqmi_sees_a_switch_through_the_modems_proxy);
	g_test_add_func(
		"/modem/libqmi/real-proxy", test_libqmi_sees_a_switch_through_the_real_proxy);
	g_test_add_func("/modem/libqmi/reset", test_libqmi_loses_the_device_with_a_reset);
	g_test_add_func("/modem/libqmi/drop", test_libqmi_loses_the_device_with_a_drop);
	g_test_add_func("/modem/libqmi/garbage", test_libqmi_loses_the_device_with_garbage);
	return g_test_run();
}
