#include "proxy/flight.hpp"

#include <algorithm>

namespace farebox {

// --- the leader's side

void Flight::begin(std::string fields) {
  const std::lock_guard lock(mutex_);
  if (state_ != State::waiting) return;
  fields_ = std::move(fields);
  state_ = State::running;
  tell_all();
}

bool Flight::is_running() const {
  const std::lock_guard lock(mutex_);
  return state_ == State::running;
}

void Flight::append(std::span<const boost::asio::const_buffer> pieces) {
  const std::lock_guard lock(mutex_);
  for (const auto& piece : pieces) {
    octets_.append(static_cast<const char*>(piece.data()), piece.size());
  }
  if (octets_.size() > most_) make_room();
  if (state_ == State::running) tell_all();
}

// The front that everybody has read goes; who is further behind than `most_` loses the seat.
void Flight::make_room() {
  overflown_ = true;
  const std::uint64_t end = first_ + octets_.size();
  std::uint64_t needed = end;
  for (const auto& reader : readers_) {
    if (end - reader->position > most_) reader->lost = true;
    if (!reader->lost) needed = std::min(needed, reader->position);
  }
  octets_.erase(0, static_cast<std::size_t>(needed - first_));
  first_ = needed;
}

void Flight::end(State state) {
  state_ = state;
  tell_all();
}

void Flight::end_whole(SharedAnswer answer) {
  const std::lock_guard lock(mutex_);
  if (state_ > State::running) return;
  answer_ = std::move(answer);
  end(State::whole);
}

void Flight::end_refused(SharedAnswer answer, std::uint16_t status) {
  const std::lock_guard lock(mutex_);
  if (state_ > State::running) return;
  answer_ = std::move(answer);
  status_ = status;
  end(State::refused);
}

void Flight::end_failed(Error error) {
  const std::lock_guard lock(mutex_);
  if (state_ > State::running) return;
  error_ = std::move(error);
  end(State::failed);
}

void Flight::end_broken() {
  const std::lock_guard lock(mutex_);
  if (state_ > State::running) return;
  end(State::broken);
}

void Flight::end_void() {
  const std::lock_guard lock(mutex_);
  if (state_ > State::running) return;
  end(State::void_);
}

void Flight::watch(const Executor& executor, Event& leader) {
  const std::lock_guard lock(mutex_);
  leader_ = std::make_shared<WakeUp>(executor, leader);
}

void Flight::unwatch() {
  const std::lock_guard lock(mutex_);
  if (leader_) leader_->end();
  leader_.reset();
}

void Flight::tell_all() {
  for (const auto& reader : readers_) WakeUp::tell(reader->wake);
}

// --- a reader's side

void Seat::leave() {
  if (!flight_) return;
  reader_->wake->end();
  {
    const std::lock_guard lock(flight_->mutex_);
    std::erase(flight_->readers_, reader_);
    flight_->followers_.store(static_cast<std::uint32_t>(flight_->readers_.size()),
                              std::memory_order_release);
    if (flight_->readers_.empty() && flight_->leader_) WakeUp::tell(flight_->leader_);
  }
  reader_.reset();
  flight_.reset();
}

Seat::Look Seat::look() const {
  const std::lock_guard lock(flight_->mutex_);
  return {flight_->state_, reader_->lost, flight_->answer_, flight_->status_};
}

std::string Seat::fields() const {
  const std::lock_guard lock(flight_->mutex_);
  return flight_->fields_;
}

Error Seat::error() const {
  const std::lock_guard lock(flight_->mutex_);
  return flight_->error_;
}

std::uint64_t Seat::position() const {
  const std::lock_guard lock(flight_->mutex_);
  return reader_->position;
}

bool Seat::read(std::string& into, std::size_t most) {
  const std::lock_guard lock(flight_->mutex_);
  const bool readable = flight_->state_ == Flight::State::running ||
                        flight_->state_ == Flight::State::broken;
  if (!readable || reader_->lost) return false;
  const auto from = static_cast<std::size_t>(reader_->position - flight_->first_);
  const std::size_t size = std::min(most, flight_->octets_.size() - from);
  if (size == 0) return false;
  into.append(flight_->octets_, from, size);
  reader_->position += size;
  return true;
}

void Seat::rest(std::string& into) {
  const std::lock_guard lock(flight_->mutex_);
  if (flight_->state_ != Flight::State::whole || reader_->lost) return;
  into.append(flight_->octets_, static_cast<std::size_t>(reader_->position - flight_->first_));
  reader_->position = flight_->first_ + flight_->octets_.size();
}

// --- all of them

Flights::Boarding Flights::board(const AnswerKey& key, std::size_t most, std::uint64_t epoch,
                                 const Executor& executor, Event& wake) {
  Boarding boarding;
  Shard& here = shard(key);
  const std::lock_guard lock(here.mutex);
  std::shared_ptr<Flight>& flight = here.flights[key];
  if (flight) {
    const std::lock_guard inside(flight->mutex_);
    if (flight->state_ <= Flight::State::running && flight->first_ == 0 &&
        !flight->overflown_ && flight->epoch_ == epoch) {
      boarding.seat.flight_ = flight;
      boarding.seat.reader_ = std::make_shared<Flight::Reader>();
      boarding.seat.reader_->wake = std::make_shared<WakeUp>(executor, wake);
      flight->readers_.push_back(boarding.seat.reader_);
      flight->followers_.store(static_cast<std::uint32_t>(flight->readers_.size()),
                               std::memory_order_release);
      if (flight->leader_) WakeUp::tell(flight->leader_);
      return boarding;
    }
  }
  flight = boarding.led = std::make_shared<Flight>(most, epoch);
  return boarding;
}

void Flights::close(const AnswerKey& key, const Flight& flight) {
  Shard& here = shard(key);
  const std::lock_guard lock(here.mutex);
  const auto found = here.flights.find(key);
  if (found != here.flights.end() && found->second.get() == &flight) here.flights.erase(found);
}

std::size_t Flights::running() const {
  std::size_t sum = 0;
  for (const Shard& each : shards_) {
    const std::lock_guard lock(each.mutex);
    sum += each.flights.size();
  }
  return sum;
}

}  // namespace farebox
