// Swift Current: fetched ahead of time, in case it is needed.
