/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CTL, the service that gives out client ids, and what a proxy adds to it.
 */
#include "modem.h"

enum {
	CTL_SET_INSTANCE_ID = 0x0020,
	CTL_GET_VERSION_INFO = 0x0021,
	CTL_ALLOCATE_CID = 0x0022,
	CTL_RELEASE_CID = 0x0023,
	CTL_SET_DATA_FORMAT = 0x0026,
	CTL_SYNC = 0x0027,
	CTL_PROXY_OPEN = 0xff00,
};

static QmiError set_instance_id(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	uint8_t instance;

	if (!tlv_get_u8(tlvs, 0x01, &instance))
		return QMI_MISSING_ARGUMENT;
	tlv_put_u16(out, 0x01, instance);
	return QMI_OK;
}

static QmiError get_version_info(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	const QmiServiceTable *const *services = qmi_services();
	size_t t = tlv_open(out, 0x01);
	uint8_t n = 1;

	while (services[n - 1])
		n++;
	put_u8(out, n);
	put_u8(out, QMI_CTL);
	put_u16(out, 1);
	put_u16(out, 5);
	for (unsigned i = 0; services[i]; i++) {
		put_u8(out, services[i]->service);
		put_u16(out, services[i]->major);
		put_u16(out, services[i]->minor);
	}
	tlv_close(out, t);
	return QMI_OK;
}

static QmiError allocate_cid(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	const QmiServiceTable *const *services = qmi_services();
	Client *client;
	uint8_t service, pair[2];
	unsigned i, cid = 1;

	if (!tlv_get_u8(tlvs, 0x01, &service))
		return QMI_MISSING_ARGUMENT;
	for (i = 0; services[i] && services[i]->service != service; i++)
		;
	if (!services[i])
		return QMI_INVALID_SERVICE_TYPE;
	while (cid < 0xff && qmi_client_find(modem, service, (uint8_t)cid))
		cid++;
	if (cid == 0xff)
		return QMI_CLIENT_IDS_EXHAUSTED;
	client = g_new0(Client, 1);
	client->service = pair[0] = service;
	client->cid = pair[1] = (uint8_t)cid;
	client->port = port->id;
	g_ptr_array_add(modem->clients, client);
	tlv_put_span(out, 0x01, SPAN_ARRAY(pair));
	return QMI_OK;
}

static QmiError release_cid(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	Span pair = tlv_find(tlvs, 0x01);
	Client *client;

	if (pair.size != 2)
		return QMI_MISSING_ARGUMENT;
	client = qmi_client_find(modem, pair.data[0], pair.data[1]);
	if (!client)
		return QMI_INVALID_CLIENT_ID;
	g_ptr_array_remove(modem->clients, client);
	uim_listeners_changed(modem);
	wds_changed(modem);
	tlv_put_span(out, 0x01, pair);
	return QMI_OK;
}

static QmiError set_data_format(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	tlv_put_u16(out, 0x10, 0); /* ethernet frames, without a QoS header */
	return QMI_OK;
}

static QmiError synchronise(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	/* Frees every client id of every host, which is why nobody may send it through a proxy. */
	qmi_forget_clients(modem);
	return QMI_OK;
}

static QmiError proxy_open(Modem *modem, Port *port, Span tlvs, GByteArray *out)
{
	Span path = tlv_find(tlvs, 0x01);

	if (port->kind != PORT_PROXY)
		return QMI_INVALID_QMI_COMMAND;
	/* The path may be any name of the device: hosts see it through links and namespaces. */
	if (path.size == 0)
		return QMI_MISSING_ARGUMENT;
	port->ready = true;
	return QMI_OK;
}

static const struct {
	uint16_t id;
	QmiError (*handler)(Modem *modem, Port *port, Span tlvs, GByteArray *out);
} messages[] = {
	{ CTL_SET_INSTANCE_ID, set_instance_id },
	{ CTL_GET_VERSION_INFO, get_version_info },
	{ CTL_ALLOCATE_CID, allocate_cid },
	{ CTL_RELEASE_CID, release_cid },
	{ CTL_SET_DATA_FORMAT, set_data_format },
	{ CTL_SYNC, synchronise },
	{ CTL_PROXY_OPEN, proxy_open },
};

void ctl_received(Modem *modem, Port *port, const QmiMessage *m)
{
	g_autoptr(GByteArray) out = g_byte_array_new(), all = g_byte_array_new();
	const Fault *fault = faults_take(modem, QMI_CTL, m->id);
	QmiError error = QMI_INVALID_QMI_COMMAND;
	size_t t;

	/* A proxy serves nobody who did not name a device first. */
	if (!port->ready && m->id != CTL_PROXY_OPEN)
		return;
	if (fault && !fault->mute)
		error = fault->error;
	else
		for (size_t i = 0; i < G_N_ELEMENTS(messages); i++)
			if (messages[i].id == m->id)
				error = messages[i].handler(modem, port, m->tlvs, out);
	if (fault && fault->mute)
		return;
	t = tlv_open(all, 0x02);
	put_u16(all, error ? 1 : 0);
	put_u16(all, (uint16_t)error);
	tlv_close(all, t);
	if (!error)
		array_append_span(all, span_of_array(out));
	qmi_send(modem, port->id,
		&(QmiMessage) { .service = QMI_CTL,
			.cid = 0,
			.kind = QMI_RESPONSE,
			.transaction = m->transaction,
			.id = m->id,
			.tlvs = span_of_array(all) });
}
