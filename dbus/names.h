/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of the bus, once. No digit in them: members are only added, a changed meaning gets a
 * new interface beside the old one, and ApiVersion counts the additions.
 */
#pragma once

#define SGP32_BUS_NAME "org.sgp32"
#define SGP32_API_VERSION 1

#define SGP32_PATH_ROOT "/org/sgp32"
#define SGP32_PATH_EUICC SGP32_PATH_ROOT "/euicc"
#define SGP32_PATH_JOB SGP32_PATH_ROOT "/job"

#define SGP32_INTERFACE_MANAGER "org.sgp32.Manager"
#define SGP32_INTERFACE_EUICC "org.sgp32.Euicc"
#define SGP32_INTERFACE_IPA "org.sgp32.Ipa"
#define SGP32_INTERFACE_PROFILE "org.sgp32.Profile"
#define SGP32_INTERFACE_EIM "org.sgp32.Eim"
#define SGP32_INTERFACE_JOB "org.sgp32.Job"

#define SGP32_ERROR_PREFIX "org.sgp32.Error."

/* Where systemd's tools (systemctl service-log-level) look for the log settings of a service. */
#define LOG_CONTROL_PATH "/org/freedesktop/LogControl1"
#define LOG_CONTROL_INTERFACE "org.freedesktop.LogControl1"
