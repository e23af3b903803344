/* SPDX-License-Identifier: Apache-2.0 */
#define MATCH match_avx2
#define MATCH_CYLINDERS cylinders_avx2
#include "body.h"
