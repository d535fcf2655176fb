/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Requests, answers and indications of all services.
 */
#include "modem.h"

static const QmiServiceTable *const services[] = { &wds_service, &dms_service, &nas_service,
	&uim_service, &wda_service, NULL };

const QmiServiceTable *const *qmi_services(void)
{
	return services;
}

/* ---- out ---- */

typedef struct Delayed {
	Modem *modem;
	unsigned port;
	GByteArray *frame;
} Delayed;

static void delayed_free(void *data)
{
	Delayed *d = data;

	g_clear_pointer(&d->frame, g_byte_array_unref);
	g_free(d);
}

static gboolean delayed_send(gpointer data)
{
	Delayed *d = data;
	Port *port = ports_find(d->modem->ports, d->port);

	if (port && !faults_hang(d->modem))
		port_send(port, g_steal_pointer(&d->frame));
	return G_SOURCE_REMOVE;
}

void qmi_send(Modem *modem, unsigned port, const QmiMessage *message)
{
	Delayed d = { .modem = modem, .port = port, .frame = qmux_build(message) };
	Delayed *later = g_memdup2(&d, sizeof(d));

	if (modem->faults.delay_ms) {
		g_timeout_add_full(G_PRIORITY_DEFAULT, modem->faults.delay_ms, delayed_send, later,
			delayed_free);
		return;
	}
	delayed_send(later);
	delayed_free(later);
}

void request_free(Request *request)
{
	if (!request)
		return;
	g_bytes_unref(request->raw);
	g_free(request);
}

void qmi_fail(Request *request, QmiError error, GByteArray *tlvs)
{
	g_autoptr(GByteArray) all = g_byte_array_new();
	size_t t = tlv_open(all, 0x02);

	put_u16(all, error ? 1 : 0);
	put_u16(all, (uint16_t)error);
	tlv_close(all, t);
	if (tlvs) {
		array_append_span(all, span_of_array(tlvs));
		g_byte_array_unref(tlvs);
	}
	if (!request->mute)
		qmi_send(request->modem, request->port,
			&(QmiMessage) { .service = request->service,
				.cid = request->cid,
				.kind = QMI_RESPONSE,
				.transaction = request->transaction,
				.id = request->id,
				.tlvs = span_of_array(all) });
	request_free(request);
}

void qmi_answer(Request *request, GByteArray *tlvs)
{
	qmi_fail(request, QMI_OK, tlvs);
}

void qmi_indicate(Modem *modem, const Client *client, uint16_t id, Span tlvs)
{
	qmi_send(modem, client->port,
		&(QmiMessage) { .service = client->service,
			.cid = client->cid,
			.kind = QMI_INDICATION,
			.id = id,
			.tlvs = tlvs });
}

/* To every port, as a proxy does: whoever has no client of that service drops it. */
typedef struct Broadcast {
	Modem *modem;
	QmiMessage message;
} Broadcast;

static void broadcast_port(Port *port, void *user)
{
	Broadcast *b = user;

	qmi_send(b->modem, port->id, &b->message);
}

void qmi_indicate_if(
	Modem *modem, uint8_t service, bool (*wants)(const Client *client), uint16_t id, Span tlvs)
{
	bool any = false;

	for (unsigned i = 0; i < modem->clients->len; i++) {
		const Client *client = g_ptr_array_index(modem->clients, i);

		if (client->service != service || !wants(client))
			continue;
		any = true;
		if (!modem->options.broadcast)
			qmi_indicate(modem, client, id, tlvs);
	}
	if (any && modem->options.broadcast) {
		Broadcast b = { modem,
			{ .service = service,
				.cid = 0xff,
				.kind = QMI_INDICATION,
				.id = id,
				.tlvs = tlvs } };

		ports_each(modem->ports, broadcast_port, &b);
	}
}

/* ---- clients ---- */

Client *qmi_client_find(Modem *modem, uint8_t service, uint8_t cid)
{
	for (unsigned i = 0; i < modem->clients->len; i++) {
		Client *client = g_ptr_array_index(modem->clients, i);

		if (client->service == service && client->cid == cid)
			return client;
	}
	return NULL;
}

void qmi_forget_clients(Modem *modem)
{
	g_ptr_array_set_size(modem->clients, 0);
	uim_listeners_changed(modem);
	wds_changed(modem);
}

void qmi_port_gone(Modem *modem, unsigned port)
{
	for (unsigned i = 0; i < modem->clients->len; i++) {
		Client *client = g_ptr_array_index(modem->clients, i);

		if (client->port == port)
			client->port = 0;
	}
}

void qmi_client_reset(Modem *modem, Client *client, Request *request)
{
	*client = (Client) { .service = client->service, .cid = client->cid, .port = client->port };
	uim_listeners_changed(modem);
	qmi_answer(request, NULL);
	wds_changed(modem);
}

void qmi_supported_messages(Modem *modem, Client *client, Request *request)
{
	GByteArray *out = g_byte_array_new();
	uint8_t bits[32] = {};
	size_t size = 0, t = tlv_open(out, 0x10);

	for (unsigned i = 0; services[i]; i++) {
		if (services[i]->service != request->service)
			continue;
		for (const QmiEntry *entry = services[i]->entries; entry->handler; entry++) {
			if (entry->id / 8u >= sizeof(bits))
				continue;
			bits[entry->id / 8] |= (uint8_t)(1 << entry->id % 8);
			size = MAX(size, entry->id / 8u + 1);
		}
	}
	put_span16(out, span(bits, size));
	tlv_close(out, t);
	qmi_answer(request, out);
}

/* ---- in ---- */

static QmiHandler handler_find(uint8_t service, uint16_t id)
{
	for (unsigned i = 0; services[i]; i++) {
		if (services[i]->service != service)
			continue;
		for (const QmiEntry *entry = services[i]->entries; entry->handler; entry++)
			if (entry->id == id)
				return entry->handler;
	}
	return NULL;
}

static void count(Modem *modem, const QmiMessage *m)
{
	void *key = GUINT_TO_POINTER((unsigned)m->service << 16 | m->id);
	unsigned n = GPOINTER_TO_UINT(g_hash_table_lookup(modem->counts, key));

	g_hash_table_insert(modem->counts, key, GUINT_TO_POINTER(n + 1));
}

static Request *request_new(Port *port, const QmiMessage *m)
{
	Request *request = g_new0(Request, 1);

	request->modem = port->modem;
	request->port = port->id;
	request->service = m->service;
	request->cid = m->cid;
	request->transaction = m->transaction;
	request->id = m->id;
	request->raw = g_bytes_new(m->tlvs.data, m->tlvs.size);
	request->tlvs = span_of(request->raw);
	return request;
}

static void service_received(Modem *modem, Port *port, const QmiMessage *m)
{
	Client *client = qmi_client_find(modem, m->service, m->cid);
	QmiHandler handler = handler_find(m->service, m->id);
	Request *request = request_new(port, m);
	const Fault *fault = faults_take(modem, m->service, m->id);

	if (fault && !fault->mute) {
		qmi_fail(request, fault->error, NULL);
		return;
	}
	request->mute = fault != NULL;
	if (!client) {
		qmi_fail(request, QMI_INVALID_CLIENT_ID, NULL);
		return;
	}
	/* A client whose host is gone belongs to the next one that speaks in its name. */
	if (!client->port)
		client->port = port->id;
	if (handler)
		handler(modem, client, request);
	else
		qmi_fail(request, QMI_INVALID_QMI_COMMAND, NULL);
}

void qmi_received(Port *port, Span frame)
{
	Modem *modem = port->modem;
	QmiMessage message;

	if (!qmux_parse(frame, &message)) {
		g_message("a host sent a frame that cannot be read");
		return;
	}
	count(modem, &message);
	if (faults_hang(modem))
		return;
	if (message.service == QMI_CTL)
		ctl_received(modem, port, &message);
	else if (port->ready)
		service_received(modem, port, &message);
}
