#include "proxy/ratio_keeper.hpp"

#include <utility>

namespace farebox {

void RatioKeeper::keep_in(std::unique_ptr<OctetStore> store, Logger& log) {
  store_ = std::move(store);
  log_ = &log;
  const auto octets = store_->load();
  if (!octets && octets.error().code == ErrorCode::not_found) return;
  auto table = octets ? RatioTable::decode(*octets) : Result<RatioTable>(octets.error());
  if (table) {
    const std::lock_guard lock(mutex_);
    table_ = std::move(*table);
    return;
  }
  const auto aside = store_->set_aside();
  log_->warn("the learnt ratios of tokens can't be read; learning anew",
             {{"why", table.error().context},
              {"kept_as", aside ? std::string_view(*aside) : std::string_view("nothing")}});
}

void RatioKeeper::learn(const RatioTable::Lesson& lesson) {
  const std::lock_guard lock(mutex_);
  changed_ |= table_.learn(lesson);
}

std::optional<TokenRatio> RatioKeeper::find(std::string_view provider, std::string_view model,
                                            Side side) const {
  const std::lock_guard lock(mutex_);
  return table_.find(provider, model, side);
}

void RatioKeeper::save() {
  if (!store_) return;
  std::string octets;
  {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(changed_, false)) return;
    octets = table_.encode();
  }
  const auto saved = store_->save(octets);
  if (!saved) {
    const std::lock_guard lock(mutex_);
    changed_ = true;
  }
  if (!saved && !failing_) {
    log_->warn("the learnt ratios of tokens can't be saved; they stay in memory",
               {{"why", saved.error().context}});
  }
  failing_ = !saved;
}

std::string ratios_path(const std::string& data_dir) { return data_dir + "/token-ratios"; }

}  // namespace farebox
