// Names for Asio's types as farebox uses them, and nothing else.
//
// Everything on a worker runs on one io_context with one thread, so the concrete
// executor is spelled out: no type erasure, no locks, no strands.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>

namespace farebox {

namespace asio = boost::asio;
using boost::system::error_code;
using asio::ip::tcp;

using Executor = asio::io_context::executor_type;
// A Unix socket rides in one as well: Asio only hands the protocol on to socket(2) and
// compares families of endpoints, and neither happens to accepted sockets.
using Socket = asio::basic_stream_socket<tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;

template <class T>
using awaitable = asio::awaitable<T, Executor>;

inline constexpr asio::use_awaitable_t<Executor> use_awaitable{};

}  // namespace farebox
