/* SPDX-License-Identifier: Apache-2.0 */
#define PREPARE prepare_avx2
#include "body.h"
