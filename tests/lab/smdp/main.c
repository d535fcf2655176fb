/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lab/smdp/smdp.h"

static char *host;

static bool start(LabServer *server, GError **error)
{
	Smdp *smdp = g_new0(Smdp, 1);

	smdp->host = g_strdup(host ? host : "smdp.lab.test");
	smdp->rsp = rsp_new(server, smdp->host);
	server->own = smdp;
	return true;
}

static void stop(LabServer *server)
{
	Smdp *smdp = server->own;

	if (!smdp)
		return;
	rsp_free(smdp->rsp);
	g_free(smdp->host);
	g_free(smdp);
}

int main(int argc, char **argv)
{
	static const char *const faults[] = { "status=", "wrong-address", "wrong-transaction",
		"metadata-mismatch", "bad-signature", "bad-mac", NULL };
	static const GOptionEntry options[] = {
		{ "host", 0, 0, G_OPTION_ARG_STRING, &host,
			"its name, with a port if that is not 443 (smdp.lab.test)", "NAME" },
		{ NULL },
	};
	static const LabProgram program = {
		.name = "lab-smdp",
		.listen = "127.0.0.1:443",
		.certificate = "nist/dptls",
		.certificates = PKI_SERVER_DP,
		.functions = es9_functions,
		.faults = faults,
		.verbs = smdp_verbs,
		.options = options,
		.header_name = "X-Admin-Protocol",
		.header_value = "gsma/rsp/v2.1.0",
		.handler = es9_handle,
		.start = start,
		.stop = stop,
	};

	return lab_server_main(&program, argc, argv);
}
