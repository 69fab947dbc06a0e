-- The channels of an incarnation. KEYS: its index
return redis.call('HKEYS', KEYS[1])
