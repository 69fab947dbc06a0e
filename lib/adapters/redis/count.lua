-- How many users are present. KEYS: data
return redis.call('HLEN', KEYS[1])
