/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the encoder work from the members of a decoded message, by taking away what was kept of it. */
#pragma once

#include "asn1/msg.h"

static void strip_raw(const MsgType *type, void *body)
{
	if (type->keep)
		*(Span *)body = (Span) { 0 };
	for (size_t i = 0; i < type->n_fields; i++) {
		const MsgField *field = &type->fields[i];
		void *member = (uint8_t *)body + field->offset;

		if (field->kind == MSG_NESTED && *(void **)member) {
			strip_raw(field->type, *(void **)member);
		} else if (field->kind == MSG_LIST && field->element->kind == MSG_NESTED) {
			List *list = member;
			const MsgType *element = field->element->type;

			for (size_t j = 0; j < list->count; j++)
				strip_raw(element, (uint8_t *)list->items + j * element->size);
		}
	}
}
