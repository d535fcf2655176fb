/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prints the names of all errors, for the test of the contract. */
#include <stdio.h>

#include "errors.h"

int main(void)
{
	for (unsigned code = 0; code < SGP32_N_ERRORS; code++)
		puts(error_row_short_name(error_row(code)));
	return 0;
}
