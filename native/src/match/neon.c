/* SPDX-License-Identifier: Apache-2.0 */
#define MATCH match_neon
#define MATCH_CYLINDERS cylinders_neon
#include "body.h"
