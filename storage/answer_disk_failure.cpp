// What AnswerDisk does when its database can't be opened, read or written.
#include "storage/answer_disk.hpp"
#include "storage/answer_files.hpp"

namespace farebox {
namespace {

bool is_damage(const Error& error) {
  return error.code == ErrorCode::ledger_damaged || error.code == ErrorCode::ledger_newer;
}

}  // namespace

void AnswerDisk::fail(const std::shared_ptr<AnswerDatabase>& which, const Error& error) {
  {
    const std::lock_guard lock(database_mutex_);
    if (database_ != which) return;
    works_ = false;
    evicted_before_.fetch_add(database_->evicted());
    failed_ = std::move(database_);
    why_ = error;
    // What is damaged is made anew as soon as nobody reads it.
    retry_at_ = clock_.steady_now() + (is_damage(error) ? std::chrono::seconds(0) : kRetryAfter);
    if (is_damage(error)) return;  // set_aside() tells
    if (std::exchange(told_, true)) return;
  }
  tell(error);
}

void AnswerDisk::tell(const Error& error) {
  log_.error("the answer cache keeps answers in memory alone, since its database doesn't work; it "
             "is opened again from time to time. Make room on that disk, or see why it fails",
             {{"directory", directory_}, {"why", error.context}});
}

// The one that failed is closed by us, and by nobody who merely looked something up.
bool AnswerDisk::release_failed(std::chrono::milliseconds wait) {
  for (;; wait -= std::chrono::milliseconds(1)) {
    std::shared_ptr<AnswerDatabase> last;
    {
      const std::lock_guard lock(database_mutex_);
      if (!failed_) return true;
      if (failed_.use_count() == 1) last = std::move(failed_);
    }
    if (last) return true;
    if (wait <= std::chrono::milliseconds(0)) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void AnswerDisk::open() {
  Error error;
  {
    const std::lock_guard lock(database_mutex_);
    error = std::exchange(why_, {});
  }
  for (int tries = 0; tries < 2; ++tries) {
    if (is_damage(error)) set_aside(error);
    auto opened = AnswerDatabase::open(directory_, most_, clock_, files_);
    if (opened) {
      bool told;
      {
        const std::lock_guard lock(database_mutex_);
        database_ = std::move(*opened);
        told = std::exchange(told_, false);
      }
      loaded_ = false;
      failures_ = 0;
      works_ = true;
      if (told) log_.info("the answer cache keeps answers on its disk again", {{"directory", directory_}});
      return;
    }
    error = opened.error();
    // RocksDB doesn't say of every damage that it is one. A full disk is none, nor is somebody
    // else's lock.
    const bool may_be_damage = error.context.find("lock file") == std::string::npos &&
                               error.context.find("No space left") == std::string::npos;
    if (!is_damage(error) && may_be_damage && ++failures_ >= kMostFailures) {
      failures_ = 0;
      error.code = ErrorCode::ledger_damaged;
    }
    if (!is_damage(error)) break;
  }
  {
    const std::lock_guard lock(database_mutex_);
    why_ = error;
    retry_at_ = clock_.steady_now() + kRetryAfter;
    if (std::exchange(told_, true)) return;
  }
  tell(error);
}

void AnswerDisk::load() {
  const auto database = this->database();
  if (!database || loaded_) return;
  const auto read = database->load();
  loaded_ = read.has_value();
  if (!read) fail(database, read.error());
}

void AnswerDisk::set_aside(const Error& why) {
  const auto moved = set_answers_aside(directory_);
  set_aside_.fetch_add(1, std::memory_order_relaxed);
  if (moved) {
    log_.warn("the answer cache's database can't be used; it is set aside, and an empty one made. "
              "Delete it when you have no questions to it",
              {{"set_aside", *moved}, {"why", why.context}});
    return;
  }
  const auto deleted = delete_answers(directory_);
  log_.warn("the answer cache's database can't be used, nor renamed, so it is deleted",
            {{"directory", directory_},
             {"why", why.context},
             {"rename", moved.error().context},
             {"delete", deleted ? "done" : deleted.error().context}});
}

void AnswerDisk::discard() {
  if (release_failed(std::chrono::seconds(10))) {
    Error why;
    {
      const std::lock_guard lock(database_mutex_);
      why = std::exchange(why_, {});
    }
    octets_ = 0;
    if (is_damage(why)) return set_aside(why);
    if (delete_answers(directory_)) return;
  }
  log_.error("the answer cache's database can't be deleted, so that answers that were invalidated "
             "may come back when farebox starts again. Delete it before",
             {{"directory", directory_}});
}

}  // namespace farebox
