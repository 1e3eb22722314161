// limit, choose: decisions between knowing a call and sending it. Rate limits and routes
// plug in here; without any, every call may run.
#include "proxy/stages/stages.hpp"

namespace farebox::stages {

Result<Permit> limit(const Services&, const Caller&, const Call&) { return Permit{}; }

Result<Target> choose(const Call& call) { return Target{call.provider}; }

}  // namespace farebox::stages
