"""Bytes in folders: the only floor that touches a disk.

`Storage` is the small protocol that every effect goes through, so that tests can fail it at any
call; `LocalStorage` is the real one. `listing` walks Hive trees and remembers what has not changed.
"""
