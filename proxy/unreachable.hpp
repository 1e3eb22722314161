// Why a provider can't be reached, for people: what to look at, and how to mend. Pure.
#pragma once

#include <boost/system/error_code.hpp>

#include <string>

namespace farebox {

// Its name gave no address.
std::string why_unresolved(const boost::system::error_code& ec);

// No connection came about.
std::string why_not_connected(const boost::system::error_code& ec);

// No connection, for want of what this machine or its settings deny us: it says nothing about the
// provider. Then `why_none_of_ours` says how to get more.
bool is_lack_of_ours(const boost::system::error_code& ec);
std::string why_none_of_ours(const boost::system::error_code& ec);

// No TLS came about. `verified` is OpenSSL's X509_V_ result of the certificate, X509_V_OK
// where that wasn't the reason.
std::string why_no_tls(long verified, const boost::system::error_code& ec);

}  // namespace farebox
