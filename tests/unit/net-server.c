/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 10000

/* ---- certificates ---- */

static void add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	CONF *conf = NCONF_new(NULL);

	X509V3_set_ctx(&ctx, issuer, x509, NULL, NULL, 0);
	X509V3_set_nconf(&ctx, conf);
	extension = X509V3_EXT_nconf_nid(conf, &ctx, nid, value);
	g_assert_nonnull(extension);
	g_assert_true(X509_add_ext(x509, extension, -1));
	X509_EXTENSION_free(extension);
	NCONF_free(conf);
}

Cert *cert_new(const CertSpec *spec)
{
	static int serial = 1;
	Cert *cert = g_new0(Cert, 1);
	X509 *x509 = X509_new();
	X509_NAME *name = X509_get_subject_name(x509);
	const Cert *issuer = spec->issuer ? spec->issuer : cert;
	int begins = spec->begins, ends = spec->ends;

	if (!begins && !ends) {
		begins = -1;
		ends = 30;
	}
	if (spec->same_key) {
		cert->key = spec->same_key->key;
		EVP_PKEY_up_ref(cert->key);
	} else {
		cert->key = EVP_EC_gen(spec->curve ? spec->curve : "P-256");
	}
	g_assert_nonnull(cert->key);
	cert->x509 = x509;
	X509_set_version(x509, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x509), (long)begins * 86400);
	X509_gmtime_adj(X509_getm_notAfter(x509), (long)ends * 86400);
	X509_set_pubkey(x509, cert->key);
	X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, (const uint8_t *)"Lab", -1, -1, 0);
	X509_NAME_add_entry_by_txt(
		name, "CN", MBSTRING_UTF8, (const uint8_t *)spec->name, -1, -1, 0);
	X509_set_issuer_name(x509, X509_get_subject_name(issuer->x509));
	if (spec->ca) {
		add_extension(x509, issuer->x509, NID_basic_constraints, "critical,CA:TRUE");
		add_extension(x509, issuer->x509, NID_key_usage, "critical,keyCertSign,cRLSign");
		/* As the CI of SGP.22 has it. */
		add_extension(
			x509, issuer->x509, NID_certificate_policies, "critical,2.23.146.1.2.1.0");
		add_extension(x509, issuer->x509, NID_subject_alt_name, "RID:2.999.1");
	}
	if (spec->san)
		add_extension(x509, issuer->x509, NID_subject_alt_name, spec->san);
	if (spec->usage)
		add_extension(x509, issuer->x509, NID_ext_key_usage, spec->usage);
	add_extension(x509, issuer->x509, NID_subject_key_identifier, "hash");
	g_assert_true(X509_sign(x509, issuer->key, EVP_sha256()));
	return cert;
}

void cert_free(Cert *cert)
{
	if (!cert)
		return;
	X509_free(cert->x509);
	EVP_PKEY_free(cert->key);
	g_free(cert);
}

GBytes *cert_der(const Cert *cert)
{
	uint8_t *der = NULL;
	int size = i2d_X509(cert->x509, &der);
	GBytes *bytes = g_bytes_new(der, size);

	OPENSSL_free(der);
	return bytes;
}

GBytes *cert_spki(const Cert *cert)
{
	uint8_t *der = NULL;
	int size = i2d_PUBKEY(cert->key, &der);
	GBytes *bytes = g_bytes_new(der, size);

	OPENSSL_free(der);
	return bytes;
}

void cert_write_pem(const Cert *cert, const char *path)
{
	BIO *bio = BIO_new_file(path, "w");

	g_assert_nonnull(bio);
	g_assert_true(PEM_write_bio_X509(bio, cert->x509));
	BIO_free(bio);
}

void cert_write_key(const Cert *cert, const char *path)
{
	BIO *bio = BIO_new_file(path, "w");

	g_assert_nonnull(bio);
	g_assert_true(PEM_write_bio_PrivateKey(bio, cert->key, NULL, NULL, 0, NULL, NULL));
	BIO_free(bio);
}

/* ---- server ---- */

typedef struct Connection {
	int fd;
	SSL *ssl;
} Connection;

/* True when the descriptor has something; false when the server is told to stop, or nothing comes. */
static bool wait_for(Server *server, int fd, short events, int timeout_ms)
{
	struct pollfd fds[] = { { fd, events, 0 }, { server->stop, POLLIN, 0 } };

	return poll(fds, G_N_ELEMENTS(fds), timeout_ms) > 0 && !fds[1].revents;
}

static void connection_end(Connection *connection)
{
	SSL_free(connection->ssl);
	connection->ssl = NULL;
	if (connection->fd >= 0)
		close(connection->fd);
	connection->fd = -1;
}

static bool accept_tcp(Server *server, Connection *connection)
{
	connection_end(connection);
	if (!wait_for(server, server->fd, POLLIN, WAIT_MS))
		return false;
	connection->fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return connection->fd >= 0;
}

/* Does what is asked of OpenSSL until it is done: 1, or 0 at the end, -1 if it fails. */
static int drive(Server *server, Connection *connection, int (*step)(SSL *, void *, size_t),
	void *data, size_t size)
{
	for (;;) {
		int done = step(connection->ssl, data, size);
		int error = done > 0 ? SSL_ERROR_NONE : SSL_get_error(connection->ssl, done);

		ERR_clear_error();
		switch (error) {
		case SSL_ERROR_NONE: return done;
		case SSL_ERROR_ZERO_RETURN: return 0;
		case SSL_ERROR_WANT_READ:
			if (!wait_for(server, connection->fd, POLLIN, WAIT_MS))
				return -1;
			break;
		case SSL_ERROR_WANT_WRITE:
			if (!wait_for(server, connection->fd, POLLOUT, WAIT_MS))
				return -1;
			break;
		default: return -1;
		}
	}
}

static int step_accept(SSL *ssl, void *data, size_t size)
{
	return SSL_accept(ssl);
}

static int step_read(SSL *ssl, void *data, size_t size)
{
	return SSL_read(ssl, data, size);
}

static int step_write(SSL *ssl, void *data, size_t size)
{
	return SSL_write(ssl, data, size);
}

static bool accept_tls(Server *server, Connection *connection)
{
	if (!accept_tcp(server, connection))
		return false;
	connection->ssl = SSL_new(server->ctx);
	SSL_set_fd(connection->ssl, connection->fd);
	if (drive(server, connection, step_accept, NULL, 0) <= 0)
		return false;
	server->handshakes++;
	server->resumed += SSL_session_reused(connection->ssl);
	g_free(server->suite);
	server->suite = g_strdup(SSL_get_cipher_name(connection->ssl));
	g_free(server->server_name);
	server->server_name =
		g_strdup(SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name));
	return true;
}

static bool read_request(Server *server, Connection *connection)
{
	g_autoptr(GString) text = g_string_new(NULL);
	size_t wanted = SIZE_MAX;

	while (text->len < wanted) {
		char buffer[4096];
		int size = drive(server, connection, step_read, buffer, sizeof(buffer));
		const char *end, *length;

		if (size <= 0)
			return false;
		g_string_append_len(text, buffer, size);
		end = strstr(text->str, "\r\n\r\n");
		if (end) {
			length = strcasestr(text->str, "\r\nContent-Length:");
			wanted =
				end + 4 - text->str + (length ? strtoul(length + 17, NULL, 10) : 0);
		}
	}
	g_ptr_array_add(server->requests, g_string_free(g_steal_pointer(&text), FALSE));
	return true;
}

static bool await_close(Server *server, Connection *connection)
{
	char buffer[4096];
	int size;

	if (!connection->ssl) {
		while (wait_for(server, connection->fd, POLLIN, WAIT_MS) &&
			read(connection->fd, buffer, sizeof(buffer)) > 0)
			;
		return true;
	}
	while ((size = drive(server, connection, step_read, buffer, sizeof(buffer))) > 0)
		;
	server->close_notifies += (SSL_get_shutdown(connection->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
	return true;
}

static bool send_text(Server *server, Connection *connection, const char *text, size_t size)
{
	if (!connection->ssl)
		return send(connection->fd, text, size, MSG_NOSIGNAL) == (ssize_t)size;
	return drive(server, connection, step_write, (void *)text, size) > 0;
}

static void send_drip(Server *server, Connection *connection, const char *text)
{
	for (const char *c = text;; c = c[1] ? c + 1 : text) {
		struct pollfd stop = { server->stop, POLLIN, 0 };

		if (drive(server, connection, step_write, (void *)c, 1) <= 0 || poll(&stop, 1, 50))
			return;
	}
}

static bool do_step(Server *server, Connection *connection, const Step *step)
{
	static const struct linger at_once = { 1, 0 };
	const uint64_t one = 1;

	switch (step->kind) {
	case STEP_END: return true;
	case STEP_ACCEPT: return accept_tls(server, connection);
	case STEP_ACCEPT_REFUSED: return !accept_tls(server, connection) && connection->fd >= 0;
	case STEP_ACCEPT_TCP: return accept_tcp(server, connection);
	case STEP_READ: return read_request(server, connection);
	case STEP_READ_NONE: return !read_request(server, connection);
	case STEP_SEND:
		return send_text(server, connection, step->text,
			step->count ? step->count : strlen(step->text));
	case STEP_SEND_MANY:
		for (unsigned i = 0; i < step->count; i++)
			if (!send_text(server, connection, step->text, strlen(step->text)))
				break;
		return true;
	case STEP_DRIP: send_drip(server, connection, step->text); return true;
	case STEP_TELL: return write(server->event, &one, sizeof(one)) == sizeof(one);
	case STEP_CLOSE:
		SSL_shutdown(connection->ssl);
		connection_end(connection);
		return true;
	case STEP_DROP: connection_end(connection); return true;
	case STEP_RESET:
		setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		connection_end(connection);
		return true;
	case STEP_AWAIT_CLOSE: return await_close(server, connection);
	}
	return false;
}

static void *server_run(void *data)
{
	Server *server = data;
	Connection connection = { .fd = -1 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (const Step *step = server->steps; step->kind != STEP_END; step++)
		if (!do_step(server, &connection, step)) {
			server->failure = g_strdup_printf("step %d (kind %d) failed",
				(int)(step - server->steps), step->kind);
			break;
		}
	connection_end(&connection);
	return NULL;
}

Server *server_new(const Cert *cert, const ServerOptions *options, const Step *steps)
{
	Server *server = g_new0(Server, 1);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	server->steps = steps;
	server->requests = g_ptr_array_new_with_free_func(g_free);
	server->event = eventfd(0, EFD_CLOEXEC);
	server->stop = eventfd(0, EFD_CLOEXEC);
	server->ctx = SSL_CTX_new(TLS_server_method());
	g_assert_true(SSL_CTX_use_certificate(server->ctx, cert->x509));
	g_assert_true(SSL_CTX_use_PrivateKey(server->ctx, cert->key));
	SSL_CTX_set_session_id_context(server->ctx, (const uint8_t *)"lab", 3);
	if (options && options->suites)
		g_assert_true(SSL_CTX_set_cipher_list(server->ctx, options->suites));
	if (options && options->max_version) {
		SSL_CTX_set_min_proto_version(server->ctx, 0);
		SSL_CTX_set_max_proto_version(server->ctx, options->max_version);
	}
	if (options && options->chain)
		SSL_CTX_add1_chain_cert(server->ctx, options->chain->x509);

	server->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(server->fd, 8), ==, 0);
	g_assert_cmpint(getsockname(server->fd, (struct sockaddr *)&address, &size), ==, 0);
	server->port = ntohs(address.sin_port);
	server->thread = g_thread_new("server", server_run, server);
	return server;
}

void server_join(Server *server)
{
	if (server->thread)
		g_thread_join(g_steal_pointer(&server->thread));
	g_assert_cmpstr(server->failure, ==, NULL);
}

void server_free(Server *server)
{
	const uint64_t one = 1;

	if (!server)
		return;
	g_assert_cmpint(write(server->stop, &one, sizeof(one)), ==, sizeof(one));
	if (server->thread)
		g_thread_join(server->thread);
	close(server->fd);
	close(server->event);
	close(server->stop);
	SSL_CTX_free(server->ctx);
	g_ptr_array_unref(server->requests);
	g_free(server->suite);
	g_free(server->server_name);
	g_free(server->failure);
	g_free(server);
}

void server_wait_told(Server *server)
{
	uint64_t count;

	g_assert_cmpint(read(server->event, &count, sizeof(count)), ==, sizeof(count));
}

/* ---- name server ---- */

static void *name_server_run(void *data)
{
	static const char known[] = "\3lab\4test";
	NameServer *server = data;
	struct sockaddr_storage from;
	socklen_t from_size = sizeof(from);
	uint8_t packet[512];
	ssize_t size;

	while ((size = recvfrom(server->fd, packet, sizeof(packet) - 16, 0,
			(struct sockaddr *)&from, &from_size)) > 12) {
		const char *name = (char *)packet + 12;
		size_t question = 12 + strlen(name) + 1;
		bool found = strlen(name) > sizeof(known) &&
			strcmp(name + strlen(name) + 1 - sizeof(known), known) == 0;
		bool is_a = packet[question + 1] == 1;
		static const uint8_t address[] = { 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0,
			0, 1 };

		server->questions++;
		if (server->silent)
			continue;
		packet[2] |= 0x80;
		packet[3] = found ? 0x80 : 0x83;
		memset(packet + 6, 0, 6);
		size = question + 4;
		if (found && is_a) {
			packet[7] = 1;
			memcpy(packet + size, address, sizeof(address));
			size += sizeof(address);
		}
		sendto(server->fd, packet, size, 0, (struct sockaddr *)&from, from_size);
	}
	return NULL;
}

void name_server_start(NameServer *server)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);

	server->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	g_assert_cmpint(bind(server->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(getsockname(server->fd, (struct sockaddr *)&address, &size), ==, 0);
	server->address = g_strdup_printf("127.0.0.1:%u", ntohs(address.sin_port));
	server->thread = g_thread_new("names", name_server_run, server);
}

void name_server_stop(NameServer *server)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);

	/* An empty datagram ends it. */
	g_assert_cmpint(getsockname(server->fd, (struct sockaddr *)&address, &size), ==, 0);
	sendto(server->fd, "", 0, 0, (struct sockaddr *)&address, size);
	g_thread_join(server->thread);
	close(server->fd);
	g_free(server->address);
}

/* ---- namespace ---- */

bool net_isolate(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;
	bool ok;

	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ok = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	close(fd);
	return ok;
}
