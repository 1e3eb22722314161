// Aim: a call is made to ask one provider for one model, whatever it asked before.
#pragma once

#include "proxy/stages/stages.hpp"

namespace farebox::stages {

// False, and nothing has changed: the path or the body can't say it.
bool aim(ClientConnection& client, Call& call, Provider& provider, std::string_view model);

// The same for the place of the call's plan that it is on.
bool aim_at_leg(ClientConnection& client, Call& call);

}  // namespace farebox::stages
