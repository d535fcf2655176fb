/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "card-script.h"

#include <string.h>

#include "base/clock.h"

void card_script_init(CardScript *script, const char *const *lines)
{
	*script = (CardScript) {
		.lines = lines,
		.state = { .epoch = 1, .present = true },
		.cancel = post_cancel_new(),
		.calls = g_string_new(NULL),
	};
}

void card_script_clear(CardScript *script)
{
	post_cancel_unref(script->cancel);
	g_string_free(script->calls, TRUE);
}

void card_script_done(CardScript *script)
{
	g_assert_cmpstr(script->lines[script->at], ==, NULL);
}

static bool transmit(void *self, unsigned channel, Span apdu, GBytes **ret, GError **error)
{
	CardScript *script = self;
	const char *line = script->lines[script->at], *answer;
	g_autofree char *got = hex_encode(apdu), *expected = NULL;
	g_autoptr(GBytes) wanted = NULL;

	if (!line)
		g_error("APDU after the end of the script: %s", got);
	script->at++;
	answer = strstr(line, " > ");
	g_assert_nonnull(answer);
	expected = g_strndup(line, answer - line);
	wanted = hex_decode(expected, 65536);
	g_assert_nonnull(wanted);
	g_free(expected);
	expected = hex_encode(span_of(wanted));
	g_assert_cmpstr(got, ==, expected);
	/* The class of the command names the channel. */
	g_assert_cmpuint(channel, ==,
		apdu.data[0] & 0x40 ? (apdu.data[0] & 0x0f) + 4u : apdu.data[0] & 0x03u);
	answer += strlen(" > ");
	if (g_str_has_prefix(answer, "cancel ")) {
		post_cancel_set(script->cancel);
		answer += strlen("cancel ");
	}
	if (strcmp(answer, "lost") == 0) {
		script->state.epoch++;
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The card was reset");
	}
	if (strcmp(answer, "gone") == 0) {
		script->state.epoch++;
		script->state.device_gone = true;
		return sgp32_fail(error, SGP32_ERROR_CARD_LOST, "The device is gone");
	}
	if (strcmp(answer, "timeout") == 0)
		return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "The card does not answer");
	*ret = hex_decode(answer, 65536);
	g_assert_nonnull(*ret);
	return true;
}

static CardState state(void *self)
{
	return ((CardScript *)self)->state;
}

static CardState wait_state(void *self, CardState seen, int64_t deadline, PostCancel *cancel)
{
	CardScript *script = self;

	script->waits++;
	if (script->state.refreshing) {
		script->state.refreshing = false;
		script->state.epoch++;
		script->refresh_by_itself = false;
	} else if (script->refresh_by_itself) {
		script->state.refreshing = true;
	} else {
		post_cancel_wait(cancel ? cancel : script->cancel, deadline);
	}
	return script->state;
}

static bool reset(void *self, TransportReset what, GError **error)
{
	CardScript *script = self;

	script->resets++;
	if (script->reset_fails)
		return sgp32_fail(error, SGP32_ERROR_TIMEOUT, "The card does not come back");
	script->state.epoch++;
	return true;
}

static bool open_channel(
	void *self, Span aid, unsigned *ret_channel, GBytes **ret_select, GError **error)
{
	CardScript *script = self;

	g_string_append(script->calls, "open ");
	g_assert_cmpuint(aid.size, ==, 16);
	*ret_channel = 3;
	*ret_select = hex_decode("e10480020640 9000", 64);
	return true;
}

static bool close_channel(void *self, unsigned channel, GError **error)
{
	g_string_append_printf(((CardScript *)self)->calls, "close-%u ", channel);
	return true;
}

static bool terminal_capability(void *self, Span data, GError **error)
{
	g_autofree char *hex = hex_encode(data);

	g_string_append_printf(((CardScript *)self)->calls, "terminal-%s ", hex);
	return true;
}

Card *card_script_open(CardScript *script, bool by_device)
{
	static const CardOps apdu_ops = {
		.transmit = transmit, .reset = reset, .state = state, .wait = wait_state
	};
	static const CardOps device_ops = {
		.open_channel = open_channel,
		.transmit = transmit,
		.close_channel = close_channel,
		.terminal_capability = terminal_capability,
		.state = state,
		.wait = wait_state,
	};
	Card *card = g_new0(Card, 1);

	card->ops = by_device ? &device_ops : &apdu_ops;
	card->self = script;
	return card;
}

Isdr *card_script_isdr(CardScript *script)
{
	IsdrSettings settings = { .busy_ms = 1, .refresh_ms = 1000 };

	return isdr_new(card_script_open(script, false), &settings);
}
