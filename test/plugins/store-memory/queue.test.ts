import { queueContract } from '../../contracts/queue.js'
import { memoryStore } from './backend.js'

queueContract(memoryStore)
