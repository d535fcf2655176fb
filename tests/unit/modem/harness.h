/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For tests of lab-modem: the program itself, a card that does as the test says, and a host that speaks
 * octets. Everything fails the test instead of returning an error.
 */
#pragma once

#include <glib.h>
#include <jansson.h>

#include "base/bytes.h"

#define WAIT_MS 10000 /* for what must come */

/* ---- a card that speaks vpcd ---- */
typedef struct FakeCard FakeCard;

/* Connects. iccid: 19 or 20 digits, NULL: no profile is enabled. imsi follows from it: 001010… */
FakeCard *fake_card_new(const char *socket, const char *iccid);
/* Pulls it out. */
void fake_card_free(FakeCard *card);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeCard, fake_card_free)

/*
 * Beside SELECT, READ and MANAGE CHANNEL it knows one instruction, 80 CA P1 P2 00:
 *   P1 00: P2 octets 5a, 9000                 P1 01: P2 × 256 octets in one answer
 *   P1 02: 61xx; GET RESPONSE gives P2 octets P1 03: no answer at all
 *   P1 04: 910b, and a REFRESH with qualifier P2 waits
 */
/* The profile that the next TERMINAL RESPONSE or reset enables. */
void fake_card_switch_to(FakeCard *card, const char *iccid);
void fake_card_set_atr(FakeCard *card, bool there);
/* The commands it got since the last call, as hex, separated by blanks; frees with g_free(). */
char *fake_card_log(FakeCard *card);

/* ---- the modem ---- */
typedef struct TestModem {
	char *dir, *pty, *proxy, *card, *control, *hook;
	int hook_fd;
	GPid pid;
} TestModem;

/* options: more of them, ended by NULL. The proxy has a name of its own. */
TestModem *test_modem_new(const char *const *options);
/* Ends it and checks that it ended well. */
void test_modem_free(TestModem *modem);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestModem, test_modem_free)

/* A verb; the words are split at blanks. */
void test_modem_ctl(TestModem *modem, const char *words);
bool test_modem_ctl_ok(TestModem *modem, const char *words);
json_t *test_modem_show(TestModem *modem);
/* Looks until the card has that state ("ready"). */
void test_modem_wait_card(TestModem *modem, const char *state);
/* The next state that the hook was called with; by then the hook is done with it. */
char *test_modem_link(TestModem *modem);

/* ---- a host ---- */
typedef struct Host {
	int fd;
	GByteArray *in;
	unsigned transaction;
} Host;

Host *host_open_pty(TestModem *modem);
/* Names the device, as a proxy wants it. */
Host *host_open_proxy(TestModem *modem);
Host *host_connect_proxy(TestModem *modem);
void host_close(Host *host);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Host, host_close)

void host_send(Host *host, const char *hex);
/* The next frame, as hex without blanks. */
char *host_frame(Host *host);
/* "XX" stands for any octet. */
void host_expect(Host *host, const char *hex);
/* Nothing comes within a short time. */
void host_expect_silence(Host *host);
/* The other side hangs up. */
void host_expect_hang_up(Host *host);

/* A request of a service with whole TLVs as hex; the answer must have that result. Gives the TLVs that
 * follow it, as hex. Indications on the way are kept for later. */
char *host_call(
	Host *host, unsigned service, unsigned cid, unsigned id, const char *tlvs, unsigned error);
unsigned host_allocate(Host *host, unsigned service);
/* The TLVs of the next indication of that message; others are skipped. */
char *host_indication(Host *host, unsigned service, unsigned cid, unsigned id);
