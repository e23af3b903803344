/* SPDX-License-Identifier: Apache-2.0 */
#define PREPARE prepare_scalar
#include "body.h"
