// limit, hold, choose: the decisions between knowing a call and sending it. Rate
// limits, budgets and routes plug in here; without any, every call may run.
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

Result<Permit> limit(const Services&, const Caller&, const Call&) { return Permit{}; }

Result<Hold> hold(const Permit&, const Call&) { return Hold{}; }

Result<Target> choose(const Call& call) { return Target{call.provider}; }

}  // namespace farebox::stages
